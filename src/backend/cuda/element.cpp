// Runs element tapes: chooses the layout class, finds or generates the kernel, and launches it.
#include "backend/cuda/element.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "backend/cuda/copy.h"
#include "backend/cuda/creation.h"
#include "backend/cuda/kernel_memo.h"
#include "backend/cuda/kernels/args.h"
#include "base/errors.h"
#include "graph/shape.h"
#include "mlx/primitives/binary.h"
#include "mlx/primitives/op_list.h"
#include "mlx/primitives/ternary.h"
#include "mlx/primitives/unary.h"

namespace mlx::core::cuda {

using mlx_device::FlatArgs;
using mlx_device::kMaxDims;
using mlx_device::kMaxTapeInputs;
using mlx_device::kMaxTapeOutputs;
using mlx_device::StridedArgs;

namespace {

constexpr int kThreads = 256;
constexpr size_t kTransposeFrom =
    size_t{1} << 16;  // elements from which a transposed operand is copied first

/** The name of an op of the OpList, which is that of its formula struct on the device. */
const char* formula_name(uint16_t op) {
  static const auto names = [] {
    std::array<const char*, OpList::size> result{};
    size_t row = 0;
    OpList::for_each([&]<class Op>() { result[row++] = Op::info.name; });
    return result;
  }();
  return names[op];
}

constexpr uint16_t kCast = op_index<AsType>();

uint64_t mix(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * 0xff51afd7ed558ccdull;
  return hash ^ (hash >> 29);
}

/** The statements that compute all values of one element from x0, x1, ... (compute types). */
std::string tape_body(const Tape& tape) {
  std::string text;
  for (size_t i = 0; i < tape.instructions.size(); ++i) {
    const auto& step = tape.instructions[i];
    std::string call;
    if (step.op == kCast) {
      call = fmt::format("convert<Compute<{}>>(x{})", device_type(step.dtype), step.sources[0]);
    } else {
      call = fmt::format("{}()(", formula_name(step.op));
      for (int s = 0; s < step.num_sources; ++s)
        call += fmt::format("{}x{}", s == 0 ? "" : ", ", step.sources[s]);
      call += ")";
    }
    text += fmt::format("      auto x{} = rounded<{}>({});\n", tape.num_inputs + i,
                        device_type(step.dtype), call);
  }
  return text;
}

std::string index_prologue(const TapeLayout& layout) {
  std::string text;
  const char* index = layout.wide_index ? "long long" : "unsigned";
  text += fmt::format("    {0} rest = static_cast<{0}>(at);\n", index);
  for (size_t k = 0; k < layout.access.size(); ++k) {
    bool strided = layout.access[k] != Access::constant && layout.access[k] != Access::scalar;
    if (strided) text += fmt::format("    long long o{} = 0;\n", k);
  }
  for (int d = 0; d < layout.ndim; ++d) {
    bool last = d + 1 == layout.ndim;
    if (last) {
      text += fmt::format("    long long c{} = rest;\n", d);
    } else {
      text += fmt::format("    {0} q{1} = rest / static_cast<{0}>(a.shape[{1}]);\n", index, d);
      text += fmt::format(
          "    long long c{0} = rest - q{0} * static_cast<{1}>(a.shape[{0}]);\n    rest = q{0};\n",
          d, index);
    }
    for (size_t k = 0; k < layout.access.size(); ++k) {
      bool strided = layout.access[k] != Access::constant && layout.access[k] != Access::scalar;
      if (strided && !(d == 0 && layout.access[k] == Access::repeated)) {
        text += fmt::format("    o{0} += c{1} * {2};\n", k, d,
                            d == 0 && layout.access[k] == Access::vector
                                ? "1"
                                : fmt::format("a.strides[{}][{}]", k, d));
      }
    }
  }
  return text;
}

/** Reads and widens the inputs of N elements into arrays v0, v1, ... */
std::string loads(const TapeLayout& layout, const std::string& count) {
  std::string text;
  for (size_t k = 0; k < layout.access.size(); ++k) {
    const char* type = device_type(layout.input_dtypes[k]);
    std::string offset = layout.is_flat ? "at" : fmt::format("o{}", k);
    switch (layout.access[k]) {
      case Access::constant:
        text +=
            fmt::format("    {0} v{1}; memcpy(&v{1}, &a.constants[{1}], sizeof({0}));\n", type, k);
        break;
      case Access::scalar:
        text += fmt::format("    {0} v{1} = *static_cast<const {0}*>(a.in[{1}]);\n", type, k);
        break;
      case Access::drawn:
        text += fmt::format("    Vec<uint32_t, {1}> v{0} = words[part];\n", k, count);
        break;
      case Access::repeated:
        text += fmt::format("    {0} v{1} = static_cast<const {0}*>(a.in[{1}])[{2}];\n", type, k,
                            offset);
        break;
      case Access::vector:
        text += fmt::format(
            "    Vec<{0}, {3}> v{1} = load_vec<{0}, {3}>(static_cast<const {0}*>(a.in[{1}]) + "
            "{2});\n",
            type, k, offset, count);
        break;
      case Access::strided:
        text += fmt::format(
            "    Vec<{0}, {3}> v{1};\n#pragma unroll\n    for (int j = 0; j < {3}; ++j) v{1}.v[j] "
            "= "
            "static_cast<const {0}*>(a.in[{1}])[{2} + j * a.strides[{1}][0]];\n",
            type, k, offset, count);
        break;
    }
  }
  return text;
}

/** The values of N elements, as they are stored: y0, y1, ... */
std::string compute(const Tape& tape, const TapeLayout& layout, const std::string& count) {
  std::string text;
  for (size_t o = 0; o < layout.output_dtypes.size(); ++o) {
    text += fmt::format("    Vec<{}, {}> y{};\n", device_type(layout.output_dtypes[o]), count, o);
  }
  text += fmt::format("#pragma unroll\n    for (int j = 0; j < {}; ++j) {{\n", count);
  for (size_t k = 0; k < layout.access.size(); ++k) {
    bool is_vector = layout.access[k] == Access::vector || layout.access[k] == Access::strided ||
                     layout.access[k] == Access::drawn;
    text += fmt::format("      auto x{0} = widen<{1}>(v{0}{2});\n", k,
                        device_type(layout.input_dtypes[k]), is_vector ? ".v[j]" : "");
  }
  text += tape_body(tape);
  for (size_t o = 0; o < layout.output_dtypes.size(); ++o) {
    text += fmt::format("      y{}.v[j] = narrow<{}>(x{});\n", o,
                        device_type(layout.output_dtypes[o]), tape.outputs[o]);
  }
  return text + "    }\n";
}

std::string compute_and_store(const Tape& tape, const TapeLayout& layout,
                              const std::string& count) {
  std::string text = compute(tape, layout, count);
  for (size_t o = 0; o < layout.output_dtypes.size(); ++o) {
    const char* type = device_type(layout.output_dtypes[o]);
    text += fmt::format("    store_vec<{0}, {2}>(static_cast<{0}*>(a.out[{1}]) + at, y{1});\n",
                        type, o, count);
  }
  return text;
}

/** A flat tape over random words, which come in pairs: a thread takes neighbours in the first half
 * and their partners in the second. */
std::string drawn_kernel_source(const std::string& name, const Tape& tape, const TapeLayout& layout,
                                int words) {
  std::string count = std::to_string(layout.vector);
  std::string text =
      "#include \"args.h\"\n#include \"element.cuh\"\n#include \"random.cuh\"\n\nnamespace "
      "mlx_device "
      "{\n\n";
  text += fmt::format("inline void {}_body(const FlatArgs& a) {{\n", name);
  text += "  wait_for_inputs();\n  let_next_kernel_start();\n";
  text += "  long long half = (a.size + 1) / 2;\n";
  text += fmt::format(
      "  long long first = (static_cast<long long>(blockIdx.x) * {} + threadIdx.x) * {};\n",
      kThreads, count);
  text += "  if (first >= half) return;\n";
  text += fmt::format("  Vec<uint32_t, {}> words[2];\n", count);
  text += fmt::format(
      "  draw_words(static_cast<const uint32_t*>(a.in[{}]), first, half, a.size, words);\n", words);
  text += "#pragma unroll\n  for (int part = 0; part < 2; ++part) {\n";
  text += "    long long at = first + part * half;\n    if (at >= a.size) break;\n";
  text += loads(layout, count) + compute_and_store(tape, layout, count);
  text += "  }\n}\n\n";
  return text + kernel_entry(name, name + "_body", "FlatArgs", kThreads) + "}\n";
}

bool is_one_element(const array& a) { return a.data_size() == 1; }

bool is_aligned(uint64_t address, size_t bytes) { return address % bytes == 0; }

struct Plan {
  TapeLayout layout;
  bool is_flat = false;
  const array* like = nullptr;  // a flat tape's outputs have this layout
  Shape shape;                  // of the strided form, outermost first
  std::vector<Strides> strides;
};

Plan make_plan(const std::vector<array>& inputs, const std::vector<array>& outputs) {
  Plan plan;
  const array& out = outputs[0];
  plan.is_flat = true;
  for (const auto& input : inputs) {
    if (is_one_element(input)) continue;
    if (plan.like == nullptr) plan.like = &input;
    bool dense =
        input.flags().contiguous && input.data_size() == out.size() && input.size() == out.size();
    bool both_row_major = input.flags().row_contiguous && plan.like->flags().row_contiguous;
    if (!dense || !(both_row_major || input.strides() == plan.like->strides()))
      plan.is_flat = false;
  }
  for (const auto& input : inputs) {
    plan.layout.input_dtypes.push_back(input.dtype());
    Access access = Access::vector;
    if (is_one_element(input)) access = is_on_host(input) ? Access::constant : Access::scalar;
    plan.layout.access.push_back(access);
  }
  for (const auto& output : outputs) plan.layout.output_dtypes.push_back(output.dtype());
  plan.layout.is_flat = plan.is_flat;
  if (plan.is_flat) return plan;
  std::vector<Strides> strides;
  for (const auto& input : inputs) strides.push_back(input.strides());
  std::tie(plan.shape, plan.strides) = collapse_dims(out.shape(), strides);
  plan.layout.ndim = static_cast<int>(plan.shape.size());
  if (plan.layout.ndim > kMaxDims) {
    throw_runtime(
        "gpu",
        "element-wise work over {} dimensions that cannot be merged: at most {} are supported.",
        plan.layout.ndim, kMaxDims);
  }
  int64_t span = static_cast<int64_t>(out.size());
  plan.layout.wide_index = span >= (int64_t{1} << 31);
  for (size_t k = 0; k < inputs.size(); ++k) {
    if (plan.layout.access[k] != Access::vector) continue;
    int64_t inner = plan.strides[k].back();
    plan.layout.access[k] = inner == 1   ? Access::vector
                            : inner == 0 ? Access::repeated
                                         : Access::strided;
  }
  return plan;
}

/** True for formulas so long that arithmetic takes about as long as memory. */
bool is_heavy(const Tape& tape) {
  return std::any_of(tape.instructions.begin(), tape.instructions.end(), [](const auto& step) {
    return step.op == op_index<Erf>() || step.op == op_index<ErfInv>();
  });
}

/** The widest vector that all sizes, strides and addresses allow. */
int choose_vector(const Plan& plan, bool is_heavy, const std::vector<CuDevicePtr>& in,
                  const std::vector<CuDevicePtr>& out) {
  size_t smallest = 8;
  size_t largest = 1;
  auto look = [&](Dtype dtype) {
    smallest = std::min<size_t>(smallest, dtype.size());
    largest = std::max<size_t>(largest, dtype.size());
  };
  for (size_t k = 0; k < in.size(); ++k) {
    if (plan.layout.access[k] == Access::vector || plan.layout.access[k] == Access::strided)
      look(plan.layout.input_dtypes[k]);
  }
  for (Dtype dtype : plan.layout.output_dtypes) look(dtype);
  size_t vector = std::min(16 / smallest, std::max<size_t>(32 / largest, 1));
  // Long formulas need more loads on their way than memory alone does.
  if (is_heavy && plan.is_flat) vector *= 2;
  auto fits = [&](size_t n) {
    auto ok = [&](CuDevicePtr address, Dtype dtype) {
      return is_aligned(address, std::min<size_t>(16, n * dtype.size()));
    };
    for (size_t o = 0; o < out.size(); ++o) {
      if (!ok(out[o], plan.layout.output_dtypes[o])) return false;
    }
    if (!plan.is_flat && plan.shape.back() % static_cast<int>(n) != 0) return false;
    for (size_t k = 0; k < in.size(); ++k) {
      if (plan.layout.access[k] != Access::vector) continue;
      if (!ok(in[k], plan.layout.input_dtypes[k])) return false;
      if (plan.is_flat) continue;
      for (size_t d = 0; d + 1 < plan.shape.size(); ++d) {
        if (plan.strides[k][d] % static_cast<int64_t>(n) != 0) return false;
      }
    }
    return true;
  };
  while (vector > 1 && !fits(vector)) vector /= 2;
  return static_cast<int>(vector);
}

/** Lets each output take over an input's memory where possible, else allocates it. */
void prepare_outputs(Encoder& encoder, const Plan& plan, const std::vector<array>& inputs,
                     std::vector<array>& outputs) {
  std::vector<bool> taken(inputs.size(), false);
  for (auto& output : outputs) {
    bool donated = false;
    for (size_t k = 0; k < inputs.size() && !donated; ++k) {
      const array& input = inputs[k];
      bool same_layout = plan.is_flat && !is_one_element(input);
      if (taken[k] || input.itemsize() != output.itemsize() || input.size() != output.size())
        continue;
      if (!same_layout && !(input.flags().row_contiguous && input.data_size() == output.size()))
        continue;
      if (!input.is_donatable() || plan.layout.access[k] == Access::constant) continue;
      if (!block_of(input.buffer()).device_valid.load()) continue;
      output.copy_shared_buffer(input);
      taken[k] = donated = true;
    }
    if (donated) continue;
    if (plan.is_flat && plan.like != nullptr && !plan.like->flags().row_contiguous) {
      encoder.allocate(output, plan.like->strides(), plan.like->flags());
    } else {
      encoder.allocate(output);
    }
  }
}

/** A tape with more outputs than a kernel takes: once for each group of outputs, inputs kept. */
void run_in_parts(Encoder& encoder, const Tape& tape, const std::vector<array>& inputs,
                  std::vector<array>& outputs) {
  std::vector<array> kept = inputs;  // a second reference, so that no part writes over an input
  for (size_t first = 0; first < outputs.size(); first += kMaxTapeOutputs) {
    size_t last = std::min(outputs.size(), first + kMaxTapeOutputs);
    Tape part = tape;
    part.outputs.assign(tape.outputs.begin() + first, tape.outputs.begin() + last);
    std::vector<array> some(outputs.begin() + first, outputs.begin() + last);
    run_tape(encoder, part, kept, some);
  }
}

}  // namespace

bool is_on_host(const array& a) {
  const Block& block = block_of(a.buffer());
  return block.host_valid.load(std::memory_order_acquire) &&
         !block.device_valid.load(std::memory_order_acquire);
}

uint64_t constant_bits(const array& a) {
  uint64_t bits = 0;
  std::memcpy(&bits, static_cast<const char*>(block_of(a.buffer()).host) + a.offset(),
              a.itemsize());
  return bits;
}

int64_t host_integer(const array& a) {
  uint64_t bits = constant_bits(a);
  int unused = 64 - 8 * static_cast<int>(a.itemsize());
  return issubdtype(a.dtype(), signedinteger) ? static_cast<int64_t>(bits << unused) >> unused
                                              : static_cast<int64_t>(bits);
}

const char* device_type(Dtype dtype) {
  switch (dtype.val()) {
    case Dtype::Val::bool_:
      return "bool";
    case Dtype::Val::uint8:
      return "uint8_t";
    case Dtype::Val::uint16:
      return "uint16_t";
    case Dtype::Val::uint32:
      return "uint32_t";
    case Dtype::Val::uint64:
      return "uint64_t";
    case Dtype::Val::int8:
      return "int8_t";
    case Dtype::Val::int16:
      return "int16_t";
    case Dtype::Val::int32:
      return "int32_t";
    case Dtype::Val::int64:
      return "int64_t";
    case Dtype::Val::float16:
      return "half_t";
    case Dtype::Val::float32:
      return "float";
    case Dtype::Val::float64:
      return "double";
    case Dtype::Val::bfloat16:
      return "bfloat_t";
    case Dtype::Val::complex64:
      return "complex_t";
  }
  throw_internal("unknown dtype");
}

namespace {

uint64_t hash_of(const Tape& tape, const TapeLayout& layout) {
  uint64_t hash = mix(0x243f6a8885a308d3ull, static_cast<uint64_t>(tape.num_inputs));
  for (const auto& step : tape.instructions) {
    hash = mix(hash, step.op | (uint64_t{step.num_sources} << 16) |
                         (static_cast<uint64_t>(step.source_dtype.val()) << 24) |
                         (static_cast<uint64_t>(step.dtype.val()) << 32));
    for (int s = 0; s < step.num_sources; ++s)
      hash = mix(hash, static_cast<uint64_t>(step.sources[s]));
  }
  for (int32_t output : tape.outputs) hash = mix(hash, static_cast<uint64_t>(output));
  for (size_t k = 0; k < layout.access.size(); ++k) {
    hash = mix(hash, static_cast<uint64_t>(layout.access[k]) |
                         (static_cast<uint64_t>(layout.input_dtypes[k].val()) << 8));
  }
  for (Dtype dtype : layout.output_dtypes) hash = mix(hash, static_cast<uint64_t>(dtype.val()));
  return hash;
}

/** Calls `use` with the parts of a tape's name. */
template <typename Use>
decltype(auto) with_name(const Tape& tape, const TapeLayout& layout, Use&& use) {
  return use("tape_{:016x}_{}{}{}x{}", hash_of(tape, layout), layout.is_flat ? "f" : "s",
             layout.is_flat ? 1 : layout.ndim, layout.wide_index ? "w" : "", layout.vector);
}

}  // namespace

std::string tape_kernel_name(const Tape& tape, const TapeLayout& layout) {
  return with_name(tape, layout, [](const char* format, const auto&... parts) {
    return fmt::format(fmt::runtime(format), parts...);
  });
}

std::string tape_source_struct(const std::string& name, const Tape& tape,
                               const TapeLayout& layout) {
  const char* type = device_type(layout.output_dtypes[0]);
  std::string text = fmt::format(
      "struct {} {{\n  const TapeReduceArgs& a;\n  template <int N>\n  Vec<{}, N> load(long long "
      "at) "
      "const {{\n",
      name, type);
  text += loads(layout, "N") + compute(tape, layout, "N");
  return text + "    return y0;\n  }\n};\n";
}

std::string tape_kernel_source(const std::string& name, const Tape& tape,
                               const TapeLayout& layout) {
  std::string args = layout.is_flat ? "FlatArgs" : "StridedArgs";
  std::string text = "#include \"args.h\"\n#include \"element.cuh\"\n\nnamespace mlx_device {\n\n";
  text += fmt::format("inline void {}_body(const {}& a) {{\n", name, args);
  text += "  wait_for_inputs();\n  let_next_kernel_start();\n";
  text += fmt::format(
      "  long long at = (static_cast<long long>(blockIdx.x) * {} + threadIdx.x) * {};\n", kThreads,
      layout.vector);
  text += "  if (at >= a.size) return;\n";
  std::string count = std::to_string(layout.vector);
  if (layout.is_flat && layout.vector > 1) {
    text += fmt::format("  if (at + {} <= a.size) {{\n", layout.vector);
    text += loads(layout, count) + compute_and_store(tape, layout, count);
    text += "  } else {\n    for (; at < a.size; ++at) {\n";
    text += loads(layout, "1") + compute_and_store(tape, layout, "1");
    text += "    }\n  }\n";
  } else {
    text += "  {\n";
    if (!layout.is_flat) text += index_prologue(layout);
    text += loads(layout, count) + compute_and_store(tape, layout, count);
    text += "  }\n";
  }
  text += "}\n\n";
  return text + kernel_entry(name, name + "_body", args, kThreads) + "}\n";
}

void run_tape(Encoder& encoder, const Tape& tape, const std::vector<array>& given_inputs,
              std::vector<array>& outputs) {
  if (outputs[0].size() == 0) {
    for (auto& output : outputs) encoder.allocate(output);
    return;
  }
  internal_check(given_inputs.size() <= static_cast<size_t>(kMaxTapeInputs),
                 "a tape with too many inputs for a GPU kernel");
  if (outputs.size() > static_cast<size_t>(kMaxTapeOutputs)) {
    run_in_parts(encoder, tape, given_inputs, outputs);
    return;
  }
  Plan plan = make_plan(given_inputs, outputs);
  std::vector<array> copied;  // keeps transposed operands' copies alive until the launch
  const std::vector<array>* inputs = &given_inputs;
  if (!plan.is_flat && outputs[0].size() >= kTransposeFrom) {
    for (size_t k = 0; k < given_inputs.size(); ++k) {
      if (plan.layout.access[k] != Access::strided || given_inputs[k].data_size() < kTransposeFrom)
        continue;
      const auto& strides = plan.strides[k];
      if (std::find(strides.begin(), strides.end(), 1) == strides.end()) continue;
      if (copied.empty()) copied = given_inputs;
      array row_major = array::placeholder(given_inputs[k].shape(), given_inputs[k].dtype());
      copy_contiguous(encoder, given_inputs[k], row_major);
      copied[k] = row_major;
    }
    if (!copied.empty()) {
      inputs = &copied;
      plan = make_plan(copied, outputs);
    }
  }
  prepare_outputs(encoder, plan, *inputs, outputs);

  std::vector<CuDevicePtr> in(inputs->size(), 0);
  for (size_t k = 0; k < inputs->size(); ++k) {
    if (plan.layout.access[k] != Access::constant) in[k] = encoder.input((*inputs)[k]);
  }
  std::vector<CuDevicePtr> out;
  for (auto& output : outputs) out.push_back(encoder.output(output));
  plan.layout.vector = choose_vector(plan, is_heavy(tape), in, out);
  auto make_source = [&](const std::string& name) {
    return tape_kernel_source(name, tape, plan.layout);
  };
  const Kernel& kernel =
      with_name(tape, plan.layout, [&](const char* format, auto... parts) -> const Kernel& {
        return named_kernel(make_source, format, parts...);
      });

  auto fill = [&](auto& args) {
    for (size_t k = 0; k < in.size(); ++k) {
      args.in[k] = reinterpret_cast<const void*>(in[k]);
      if (plan.layout.access[k] == Access::constant)
        args.constants[k] = constant_bits((*inputs)[k]);
    }
    for (size_t o = 0; o < out.size(); ++o) args.out[o] = reinterpret_cast<void*>(out[o]);
    args.size = static_cast<long long>(outputs[0].size());
  };
  size_t per_block = static_cast<size_t>(kThreads) * plan.layout.vector;
  Dim3 grid{static_cast<unsigned>((outputs[0].size() + per_block - 1) / per_block)};
  if (plan.is_flat) {
    FlatArgs args{};
    fill(args);
    encoder.launch(kernel, grid, {kThreads}, args);
  } else {
    StridedArgs args{};
    fill(args);
    for (int d = 0; d < plan.layout.ndim; ++d) {
      size_t from = plan.layout.ndim - 1 - d;
      args.shape[d] = plan.shape[from];
      for (size_t k = 0; k < in.size(); ++k) args.strides[k][d] = plan.strides[k][from];
    }
    encoder.launch(kernel, grid, {kThreads}, args);
  }
}

Tape cast_tape(Dtype from, Dtype to) {
  TapeInstruction step{kCast, 1, from, to, {0, -1, -1}, 0, 0};
  Tape tape;
  tape.num_inputs = 1;
  tape.instructions.push_back(step);
  tape.outputs = {1};
  return tape;
}

namespace {

/** One element-wise primitive as a tape of one instruction. */
void eval_single(const Primitive& primitive, const std::vector<array>& inputs,
                 std::vector<array>& outputs) {
  Tape tape;
  tape.num_inputs = static_cast<int>(inputs.size());
  TapeInstruction step{static_cast<uint16_t>(primitive.element_op()),
                       static_cast<uint8_t>(inputs.size()),
                       inputs.back().dtype(),
                       outputs[0].dtype(),
                       {0, 1, 2},
                       0,
                       0};
  tape.instructions.push_back(step);
  tape.outputs = {tape.num_inputs};
  run_tape(Encoder::of(primitive.stream()), tape, inputs, outputs);
}

void eval_fused(const Primitive& primitive, const std::vector<array>& inputs,
                std::vector<array>& outputs) {
  run_tape(Encoder::of(primitive.stream()), static_cast<const Fused&>(primitive).tape(), inputs,
           outputs);
}

/** A tape over random words: drawn in the kernel where all else is dense, else beforehand. */
void eval_fused_random(const Primitive& primitive, const std::vector<array>& inputs,
                       std::vector<array>& outputs) {
  const auto& fused = static_cast<const FusedRandom&>(primitive);
  const Tape& tape = fused.tape();
  const auto words = static_cast<size_t>(fused.words());
  Encoder& encoder = Encoder::of(primitive.stream());
  array key = as_row_contiguous(encoder, inputs[words]);
  const array& out = outputs[0];
  TapeLayout layout;
  bool dense = outputs.size() <= static_cast<size_t>(kMaxTapeOutputs);
  size_t largest = 4;
  for (size_t k = 0; k < inputs.size(); ++k) {
    const array& input = inputs[k];
    layout.input_dtypes.push_back(k == words ? uint32 : input.dtype());
    if (k == words) {
      layout.access.push_back(Access::drawn);
    } else if (is_one_element(input)) {
      layout.access.push_back(is_on_host(input) ? Access::constant : Access::scalar);
    } else {
      layout.access.push_back(Access::vector);
      dense = dense && input.flags().row_contiguous && input.shape() == out.shape();
      largest = std::max(largest, input.itemsize());
    }
  }
  if (!dense) {
    std::vector<array> drawn = inputs;
    drawn[words] = array::placeholder(out.shape(), uint32);
    draw_random_bits(encoder, key, drawn[words]);
    run_tape(encoder, tape, drawn, outputs);
    return;
  }
  FlatArgs args{};
  args.size = static_cast<long long>(out.size());
  size_t vector = largest > 4 ? 2 : 4;
  auto fits = [&](CuDevicePtr address, size_t itemsize) {
    while (vector > 1 && address % std::min<size_t>(16, vector * itemsize) != 0) vector /= 2;
  };
  while (vector > 1 && (args.size % 2 != 0 || args.size / 2 % static_cast<long long>(vector) != 0))
    vector /= 2;
  for (size_t k = 0; k < inputs.size(); ++k) {
    if (layout.access[k] == Access::constant) {
      args.constants[k] = constant_bits(inputs[k]);
      continue;
    }
    CuDevicePtr address = encoder.input(k == words ? key : inputs[k]);
    args.in[k] = reinterpret_cast<const void*>(address);
    if (layout.access[k] == Access::vector) fits(address, inputs[k].itemsize());
  }
  for (size_t o = 0; o < outputs.size(); ++o) {
    encoder.allocate(outputs[o]);
    layout.output_dtypes.push_back(outputs[o].dtype());
    CuDevicePtr address = encoder.output(outputs[o]);
    args.out[o] = reinterpret_cast<void*>(address);
    fits(address, outputs[o].itemsize());
  }
  layout.vector = static_cast<int>(vector);
  std::string name = tape_kernel_name(tape, layout);
  const Kernel& kernel =
      get_kernel(name, [&] { return drawn_kernel_source(name, tape, layout, fused.words()); });
  auto per_block = static_cast<long long>(kThreads * vector);
  encoder.launch(kernel, {static_cast<unsigned>(((args.size + 1) / 2 + per_block - 1) / per_block)},
                 {kThreads}, args);
}

}  // namespace

void register_element(KernelTable& table) {
  table.set_elementwise(eval_single);
  table.add<Fused>(eval_fused);
  table.add<FusedRandom>(eval_fused_random);
}

}  // namespace mlx::core::cuda
