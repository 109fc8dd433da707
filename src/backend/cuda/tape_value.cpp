// Tapes as sources of reductions: how inputs are read, and the kernel text.
#include "backend/cuda/tape_value.h"

#include <fmt/format.h>

namespace mlx::core::cuda {

TapeValue::TapeValue(Encoder& encoder, const Tape& tape, Dtype dtype, const Shape& shape,
                     const std::vector<array>& inputs)
    : tape_(tape), inputs_(inputs) {
  constexpr size_t kAddressBytes = 32;  // of the widest vectors that reductions load
  layout_.output_dtypes = {dtype};
  for (const auto& input : inputs) {
    layout_.input_dtypes.push_back(input.dtype());
    if (input.data_size() == 1) {
      layout_.access.push_back(is_on_host(input) ? Access::constant : Access::scalar);
      continue;
    }
    layout_.access.push_back(Access::vector);
    fits_ = fits_ && input.flags().row_contiguous && input.shape() == shape &&
            encoder.input(input) % kAddressBytes == 0;
  }
}

std::string TapeValue::name() const { return tape_kernel_name(tape_, layout_); }

std::string TapeValue::text(const std::string& name, const std::string& instance,
                            int threads) const {
  std::string text =
      "#include \"element.cuh\"\n#include \"reduce.cuh\"\n\nnamespace mlx_device {\n\n";
  text += tape_source_struct(name + "_source", tape_, layout_);
  text += fmt::format(
      "inline void {0}_body(const TapeReduceArgs& a) {{ {1}(a.reduce, {0}_source{{a}}); }}\n", name,
      instance);
  return text + kernel_entry(name, name + "_body", "TapeReduceArgs", threads) + "}\n";
}

mlx_device::TapeReduceArgs TapeValue::arguments(Encoder& encoder,
                                                const mlx_device::ReduceArgs& reduce) const {
  mlx_device::TapeReduceArgs args{};
  args.reduce = reduce;
  for (size_t k = 0; k < inputs_.size(); ++k) {
    if (layout_.access[k] == Access::constant) {
      args.constants[k] = constant_bits(inputs_[k]);
    } else {
      args.in[k] = reinterpret_cast<const void*>(encoder.input(inputs_[k]));
    }
  }
  return args;
}

}  // namespace mlx::core::cuda
