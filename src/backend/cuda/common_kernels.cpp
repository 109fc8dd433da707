// Enumerates instances of every kernel family.
#include "backend/cuda/common_kernels.h"

#include <fmt/format.h>

#include <algorithm>

#include "backend/cuda/copy.h"
#include "backend/cuda/element.h"
#include "backend/cuda/kernels/args.h"
#include "mlx/primitives/binary.h"
#include "mlx/primitives/op_list.h"
#include "mlx/primitives/ternary.h"
#include "mlx/primitives/unary.h"

namespace mlx::core::cuda {

namespace {

/** What instances of a kernel have in common. */
struct Family {
  const char* header;
  const char* args;
  int threads;
  int min_blocks = 1;
};

class Collector {
 public:
  /** function<parts...>, named name_parts... */
  template <class... Parts>
  void add(const Family& family, const std::string& name, const std::string& function,
           const Parts&... parts) {
    std::string tail;
    std::string list;
    ((tail += fmt::format("_{}", parts),
      list += fmt::format("{}{}", list.empty() ? "" : ", ", parts)),
     ...);
    add(name + tail, family.header, fmt::format("{}<{}>", function, list), family.args,
        family.threads, family.min_blocks);
  }

  void add(const std::string& name, const std::string& header, const std::string& body,
           const std::string& args, int threads, int min_blocks = 1) {
    texts_.push_back({name, simple_source(name, header, body, args, threads, min_blocks)});
  }

  void add_tape(const Tape& tape, const TapeLayout& layout) {
    std::string name = tape_kernel_name(tape, layout);
    texts_.push_back({name, tape_kernel_source(name, tape, layout)});
  }

  std::vector<KernelText> take() { return std::move(texts_); }

 private:
  std::vector<KernelText> texts_;
};

const char* const kFloats[] = {"float", "half_t", "bfloat_t"};

void add_rows(Collector& out) {
  for (std::string type : kFloats) {
    int width = type == "float" ? 4 : 8;
    for (auto [threads, vecs] :
         {std::pair{32, 1}, {32, 4}, {64, 4}, {128, 4}, {256, 4}, {512, 4}, {1024, 4}}) {
      for (std::string op : {"softmax", "logsumexp"}) {
        out.add({"softmax.cuh", "RowArgs", threads}, op, op + "_row", type, threads, vecs, width);
      }
      for (bool centered : {false, true}) {
        out.add(fmt::format("norm_{}_r_{}_{}_{}_{}_{}", centered ? "layer" : "rms", type, type,
                            threads, vecs, width),
                "norm.cuh",
                fmt::format("norm_row<{}, {}, {}, {}, {}, {}>", type, type, threads, vecs, width,
                            centered),
                "NormArgs", threads);
      }
    }
    for (std::string op : {"softmax", "logsumexp"}) {
      out.add(fmt::format("{}_long_{}_{}", op, type, width), "softmax.cuh",
              fmt::format("{}_long_row<{}, {}, {}>", op, type, 512, width), "RowArgs", 512);
    }
    for (std::string op : {"cross_entropy", "cross_entropy_grad"}) {
      for (std::string index : {"int32_t", "uint32_t"}) {
        out.add(fmt::format("{}_{}_{}_{}", op, type, index, width), "softmax.cuh",
                fmt::format("{}_row<{}, {}, {}, {}>", op, type, index, 512, width),
                "CrossEntropyArgs", 512);
      }
    }
    for (bool centered : {false, true}) {
      for (int threads : {64, 256, 512}) {
        out.add(
            fmt::format("norm_grad_{}_{}_{}_{}", centered ? "layer" : "rms", type, type, threads),
            "norm.cuh",
            fmt::format("norm_grad_rows<{}, {}, {}, {}>", type, type, threads, centered),
            "NormGradArgs", threads);
      }
    }
    for (bool traditional : {false, true}) {
      out.add(fmt::format("rope_{}_int32_t_{}", type, traditional ? "t" : "s"), "rope.cuh",
              fmt::format("rope<{}, int32_t, {}>", type, traditional), "RopeArgs", 256);
    }
  }
}

void add_reductions(Collector& out) {
  for (auto [op, in, to, size] : {std::tuple{"ReduceSum", "float", "float", 4},
                                  {"ReduceSum", "bfloat_t", "bfloat_t", 2},
                                  {"ReduceSum", "bfloat_t", "float", 2},
                                  {"ReduceSum", "half_t", "half_t", 2},
                                  {"ReduceMax", "float", "float", 4},
                                  {"ReduceMin", "float", "float", 4},
                                  {"ReduceSum", "int32_t", "int32_t", 4},
                                  {"ReduceSum", "bool", "int32_t", 1},
                                  {"ReduceProd", "complex_t", "complex_t", 8},
                                  {"ReduceAnd", "bool", "bool", 1},
                                  {"ReduceOr", "bool", "bool", 1},
                                  {"ReduceSum", "double", "double", 8},
                                  {"ReduceMax", "int64_t", "int64_t", 8}}) {
    for (int threads : {128, 256, 512}) {
      out.add({"reduce.cuh", "ReduceArgs", threads}, "reduce_rows", "reduce_rows", op, in, to,
              16 / size, threads);
    }
    for (int width : {4, 8, 16, 32}) {
      out.add({"reduce.cuh", "ReduceArgs", 256}, "reduce_short", "reduce_short_rows", op, in, to,
              width);
    }
    for (int width = 1; width <= std::min(4, 16 / size); width *= 2) {
      out.add({"reduce.cuh", "ReduceArgs", 256}, "reduce_cols", "reduce_cols", op, in, to, width);
    }
  }
  for (std::string type : kFloats) {
    for (bool largest : {false, true}) {
      int width = type == "float" ? 4 : 8;
      for (int threads : {32, 64, 256, 512}) {
        out.add(
            fmt::format("arg_reduce_{}_{}_{}_{}", type, static_cast<int>(largest), width, threads),
            "reduce.cuh",
            fmt::format("arg_reduce_rows<{}, {}, {}, {}>", type, largest, width, threads),
            "RowArgs", threads);
      }
    }
  }
  for (auto [op, in, to, width] : {std::tuple{"ReduceSum", "float", "float", 4},
                                   {"ReduceSum", "uint32_t", "uint32_t", 4},
                                   {"ReduceSum", "uint32_t", "uint32_t", 1},
                                   {"ReduceSum", "bfloat_t", "bfloat_t", 8},
                                   {"ReduceMax", "float", "float", 4},
                                   {"ReduceLogAddExp", "float", "float", 4},
                                   {"ReduceSum", "bool", "int32_t", 4},
                                   {"ReduceProd", "double", "double", 2}}) {
    out.add(fmt::format("scan_rows_{}_{}_{}_{}", op, in, to, width), "scan.cuh",
            fmt::format("scan_rows<{}, {}, {}, {}, 256>", op, in, to, width), "ScanArgs", 256);
    out.add({"scan.cuh", "ScanArgs", 256}, "scan_cols", "scan_cols", op, in, to);
  }
}

void add_products(Collector& out) {
  for (std::string type : {"float", "half_t", "bfloat_t", "double"}) {
    int width = type == "float" ? 4 : type == "double" ? 2 : 8;
    for (int m : {1, 2, 3, 4}) {
      for (auto [rows, share] : {std::pair{4, 1}, {4, 2}, {2, 2}, {1, 1}, {1, 2}, {1, 4}, {1, 8}}) {
        if (width == 8 && m >= 3 && rows > 1) continue;  // for tensor cores
        out.add({"dot.cuh", "DotArgs", 256, m <= 2 && type != "double" ? 4 : 2}, "dot_rows",
                "dot_rows", type, m, rows, share, width);
      }
    }
    if (width == 8) out.add({"dot_cores.cuh", "DotArgs", 256, 4}, "dot_cores", "dot_cores", type);
  }
  for (std::string type : kFloats) {
    for (int bits : {2, 3, 4, 5, 6, 8}) {
      for (int group : {32, 64, 128}) {
        for (bool twice : {false, true}) {
          out.add({"quantized.cuh", "QuantizedArgs", 256}, "dequantize", "dequantize", type, type,
                  bits, group, twice);
        }
        out.add({"quantized.cuh", "QuantizeArgs", 256}, "quantize", "quantize", type, bits, group);
        if ((bits != 2 && bits != 4 && bits != 8) || group < 128 / bits) continue;
        if (type != "float") {
          for (auto [w, x] : {std::pair{2, 1}, {1, 1}, {2, 2}, {bits == 8 ? 1 : 2, 4}}) {
            if (group != 64 && x > 1) continue;
            out.add({"quantized_cores.cuh", "QuantizedArgs", 256, 2}, "quantized_cores",
                    "quantized_cores", type, bits, group, w, x);
          }
          continue;
        }
        for (auto [m, rows] :
             {std::pair{1, 1}, {1, 2}, {1, 4}, {2, 1}, {2, 4}, {4, 2}, {8, 1}, {8, 2}}) {
          if (group != 64 && !(m == 1 && rows == 4)) continue;
          out.add({"quantized.cuh", "QuantizedArgs", 256, m == 1 ? 3 : 2}, "quantized_dot",
                  "quantized_dot_rows", type, bits, group, m, rows);
        }
      }
    }
  }
}

void add_attention(Collector& out) {
  for (std::string type : kFloats) {
    for (std::string mask : {"kNoMask", "kBoolMask", "kAddedMask"}) {
      for (int features : {64, 128, 256}) {
        if (type != "float") {
          out.add({"attention.cuh", "AttentionArgs", 128, features <= 128 ? 2 : 1},
                  "attention_tiles", "attention_tiles", type, features, mask);
          out.add(fmt::format("attention_hopper_{}_{}_{}", type, features, mask),
                  "attention_hopper.cuh",
                  fmt::format("attention_hopper<{}, {}, {}, 2, {}>", type, features,
                              features == 256 ? 80 : 128, mask),
                  "AttentionHopperArgs", 384);
          const int min_blocks = features == 256 ? 2 : features == 128 ? 3 : 4;
          out.add({"attention_decode.cuh", "AttentionArgs", 128, min_blocks},
                  "attention_decode_cores", "attention_decode_cores", type, features, mask);
        }
        for (int rows : {1, 2, 4}) {
          out.add({"attention_decode.cuh", "AttentionArgs", 256, 2}, "attention_decode",
                  "attention_decode", type, features, rows, mask);
        }
      }
      out.add({"attention.cuh", "AttentionArgs", 128}, "attention_general", "attention_general",
              type, mask);
    }
    for (int features : {64, 128, 256}) {
      out.add({"attention_decode.cuh", "AttentionArgs", features}, "attention_join",
              "attention_join", type, features);
    }
  }
}

void add_radix_pass(Collector& out, const std::string& type, const std::string& what, bool first,
                    bool last) {
  out.add({"sort.cuh", "SortArgs", 512}, "radix_count", "radix_count", type, what, first);
  out.add({"sort.cuh", "SortArgs", 512, 2}, "radix_move", "radix_move", type, what, first, last);
}

void add_moves(Collector& out) {
  out.add("store_bytes", "copy.cuh", "store_from_host", "StoreArgs", mlx_device::kMostStored);
  for (int itemsize : {1, 2, 4, 8}) {
    std::string bits = bits_type(itemsize);
    for (int dims : {1, 2, 3, 4}) {
      out.add(fmt::format("copy_{}_{}", itemsize, dims), "copy.cuh",
              fmt::format("copy_strided<{}, {}>", bits, dims), "CopyArgs", 256);
    }
    int vector = itemsize == 4 ? 4 : itemsize == 8 ? 2 : 8;
    for (int batch : {0, 1, 2}) {
      out.add(fmt::format("transpose_{}_{}_{}_{}", itemsize, itemsize < 8 ? 64 : 32, vector, batch),
              "copy.cuh",
              fmt::format("transpose_tiles<{}, {}, {}, {}>", bits, itemsize < 8 ? 64 : 32, vector,
                          batch),
              "TransposeArgs", 256);
      out.add(fmt::format("transpose_{}_32_1_{}", itemsize, batch), "copy.cuh",
              fmt::format("transpose_tiles<{}, 32, 1, {}>", bits, batch), "TransposeArgs", 256);
    }
    for (std::string index : {"int32_t", "uint32_t", "int64_t"}) {
      out.add(fmt::format("gather_axis_{}__{}_", bits, index), "indexing.cuh",
              fmt::format("gather_axis<{}, {}>", bits, index), "AxisArgs", 256);
    }
    out.add(fmt::format("dynamic_slice_{}__int32_t_", bits), "indexing.cuh",
            fmt::format("dynamic_slice<{}, int32_t>", bits), "SliceArgs", 256);
    for (std::string what : {"kSortedValues", "kSortedPlaces", "kSortedPairs"}) {
      add_radix_pass(out, bits, what, false, false);
    }
  }
  for (std::string type : {"float", "bfloat_t", "half_t", "double", "int32_t", "int64_t", "bool"}) {
    for (std::string what : {"kSortedValues", "kSortedPlaces"}) {
      add_radix_pass(out, type, what, true, type == "bool");
      add_radix_pass(out, type, what, false, true);
    }
  }
  add_radix_pass(out, "complex_t", "kSortedPlaces", true, false);
  add_radix_pass(out, "complex_t", "kSortedPlaces", false, true);
  add_radix_pass(out, "uint64_t", "kSortedPairs", true, false);
  add_radix_pass(out, "uint64_t", "kSortedPairs", false, true);
  out.add("values_at_places_complex", "sort.cuh", "values_at_places<complex_t>", "SortArgs", 256);
  for (std::string type : {"float", "bfloat_t", "int32_t"}) {
    for (std::string what : {"kSortedValues", "kSortedPlaces"}) {
      for (auto [threads, steps, min_blocks] :
           {std::tuple{256, 2, 6}, {256, 4, 6}, {256, 8, 4}, {256, 16, 3}, {512, 16, 2}}) {
        out.add({"sort.cuh", "SortArgs", threads, min_blocks}, "radix_row", "radix_row", type, what,
                threads, steps);
      }
    }
  }
  for (std::string unit : {"uint16_t", "uint32_t", "uint64_t", "Raw16"}) {
    for (std::string index : {"int32_t", "uint32_t"}) {
      for (int rank : {1, 2}) {
        out.add(fmt::format("gather_{}__{}__{}_", unit, index, rank), "indexing.cuh",
                fmt::format("gather<{}, {}, {}>", unit, index, rank), "IndexArgs", 256);
      }
    }
  }
  for (std::string type : {"float", "bfloat_t", "int32_t", "complex_t"}) {
    for (std::string op : {"ReduceSum", "Assign", "ReduceMax", "ReduceProd"}) {
      out.add(fmt::format("scatter_sorted_{}__{}__1_", type, op), "indexing.cuh",
              fmt::format("scatter_sorted<{}, {}, 1>", type, op), "IndexArgs", 256);
      out.add(fmt::format("scatter_in_order_{}__{}__int32_t__2_", type, op), "indexing.cuh",
              fmt::format("scatter_in_order<{}, {}, int32_t, 2>", type, op), "IndexArgs", 256);
      out.add(fmt::format("slice_update_{}__{}__int32_t_", type, op), "indexing.cuh",
              fmt::format("slice_update<{}, {}, int32_t>", type, op), "SliceArgs", 256);
    }
    out.add(fmt::format("scatter_axis_{}__ReduceSum__int32_t_", type), "indexing.cuh",
            fmt::format("scatter_axis<{}, ReduceSum, int32_t>", type), "AxisArgs", 256);
    for (int size : {64, 256}) {
      for (bool places : {false, true}) {
        out.add(fmt::format("sort_short_{}_{}_{}", type, size, places), "sort.cuh",
                fmt::format("sort_short_rows<{}, {}, {}>", type, size, places), "SortArgs",
                std::min(512, size / 2));
      }
    }
    out.add({"sort.cuh", "SortArgs", 256}, "search_sorted", "search_sorted", type);
  }
  for (std::string index : {"int32_t", "uint32_t", "int64_t"}) {
    out.add(fmt::format("scatter_keys_{}_", index), "indexing.cuh",
            fmt::format("scatter_keys<{}>", index), "IndexArgs", 256);
  }
  out.add("masked_scatter_uint32_t_", "indexing.cuh", "masked_scatter<uint32_t>", "IndexArgs", 256);
  out.add("random_bits_u32", "random.cuh", "random_bits", "RandomArgs", 256);
  for (std::string type : {"float", "bfloat_t", "half_t", "double", "complex_t"}) {
    out.add({"random.cuh", "ArangeArgs", 256}, "arange", "arange", type);
  }
  for (std::string type : {"int32_t", "uint32_t", "int64_t"}) {
    out.add({"random.cuh", "ArangeArgs", 256}, "arange", "arange_integer", type);
  }
}

/** Single element-wise ops on flat arrays, for float32 and bfloat16. */
void add_tapes(Collector& out) {
  for (Dtype dtype : {float32, bfloat16}) {
    OpList::for_each([&]<class Op>() {
      constexpr bool one = std::is_base_of_v<Unary<Op>, Op>;
      constexpr bool two = std::is_base_of_v<Binary<Op>, Op>;
      if constexpr (one || two) {
        if (Op::info.accepts == Accepts::integer || Op::info.accepts == Accepts::boolean) return;
        if (std::string_view(Op::info.name).starts_with("Bitwise") ||
            std::string_view(Op::info.name).ends_with("Shift") ||
            std::string_view(Op::info.name) == "Imag") {
          return;
        }
        Tape tape;
        tape.num_inputs = two ? 2 : 1;
        TapeInstruction step;
        step.op = static_cast<uint16_t>(op_index<Op>());
        step.num_sources = two ? 2 : 1;
        step.source_dtype = dtype;
        step.dtype = detail::result_dtype(Op::info, dtype);
        step.sources = {0, 1, 2};
        tape.instructions.push_back(step);
        tape.outputs = {tape.num_inputs};
        TapeLayout layout;
        layout.input_dtypes.assign(tape.num_inputs, dtype);
        layout.output_dtypes = {step.dtype};
        layout.access.assign(tape.num_inputs, Access::vector);
        layout.vector = step.dtype == bool_ ? 8 : 16 / dtype.size();
        out.add_tape(tape, layout);
        if (!two) return;
        layout.access[1] = Access::constant;
        out.add_tape(tape, layout);
      }
    });
  }
  for (Dtype from : {float32, bfloat16, float16, int32, uint32, bool_}) {
    for (Dtype to : {float32, bfloat16, float16, int32, uint32}) {
      if (from == to) continue;
      TapeLayout layout;
      layout.input_dtypes = {from};
      layout.output_dtypes = {to};
      layout.access = {Access::vector};
      layout.vector =
          std::min(16 / std::min(from.size(), to.size()), 32 / std::max(from.size(), to.size()));
      out.add_tape(cast_tape(from, to), layout);
    }
  }
}

}  // namespace

std::vector<KernelText> common_kernels() {
  Collector out;
  add_rows(out);
  add_reductions(out);
  add_products(out);
  add_attention(out);
  add_moves(out);
  add_tapes(out);
  return out.take();
}

}  // namespace mlx::core::cuda
