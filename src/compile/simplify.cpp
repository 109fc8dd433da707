// Common subexpression elimination on traces.
#include <cstring>
#include <functional>
#include <typeinfo>
#include <unordered_map>

#include "compile/trace.h"
#include "mlx/primitives/primitive.h"
#include "mlx/transforms_impl.h"

namespace mlx::core {

namespace {

/** Constants of one element are the same value when their bytes are. */
class Constants {
 public:
  array canonical(const array& a) {
    if (a.size() != 1 || a.has_primitive() || a.is_tracer() || a.status() != array::available ||
        a.ndim() != 0) {
      return a;
    }
    uint64_t bits = 0;
    std::memcpy(&bits, a.data<char>(), a.itemsize());
    return known_[static_cast<int>(a.dtype().val())].try_emplace(bits, a).first->second;
  }

 private:
  std::unordered_map<uint64_t, array> known_[kNumDtypes];
};

size_t combine(size_t seed, size_t value) {
  return seed ^ (value + 0x9e3779b97f4a7c15ull + (seed << 6) + (seed >> 2));
}

size_t node_hash(const array& node, const std::vector<array>& inputs) {
  size_t hash = typeid(node.primitive()).hash_code();
  for (const auto& input : inputs) hash = combine(hash, input.id());
  for (auto length : node.shape()) hash = combine(hash, static_cast<size_t>(length));
  return combine(hash, static_cast<size_t>(node.dtype().val()));
}

bool same_node(const array& a, const array& b) {
  const auto& pa = a.primitive();
  const auto& pb = b.primitive();
  if (typeid(pa) != typeid(pb) || !(pa.stream() == pb.stream()) || a.shape() != b.shape() ||
      a.dtype() != b.dtype() || a.inputs().size() != b.inputs().size() || !pa.is_equivalent(pb)) {
    return false;
  }
  for (size_t i = 0; i < a.inputs().size(); ++i) {
    if (a.inputs()[i].id() != b.inputs()[i].id()) return false;
  }
  return true;
}

}  // namespace

void merge_common_subexpressions(Trace& trace) {
  std::unordered_map<std::uintptr_t, array> merged;  // traced id -> the array that stands for it
  std::unordered_multimap<size_t, array> seen;
  Constants constants;
  auto stand_in = [&](const array& a) {
    auto found = merged.find(a.id());
    return found == merged.end() ? constants.canonical(a) : found->second;
  };
  detail::InTracing tracing;
  std::vector<array> held;  // ids stay unique while their arrays live
  for (auto& node : trace.nodes) {
    const auto traced = node.outputs();
    std::vector<array> inputs;
    for (const auto& input : node.inputs()) inputs.push_back(stand_in(input));
    auto outputs = traced;
    if (traced.size() == 1) {
      outputs[0].inputs() = inputs;
    } else {
      // An output that nobody held is gone, and may be the one that a later equal node needs.
      std::vector<Shape> shapes;
      std::vector<Dtype> dtypes;
      for (const auto& output : traced) {
        shapes.push_back(output.shape());
        dtypes.push_back(output.dtype());
      }
      outputs = array::make_arrays(std::move(shapes), dtypes, node.primitive_ptr(), inputs);
    }
    size_t hash = node_hash(outputs[0], inputs);
    auto [first, last] = seen.equal_range(hash);
    auto same = std::find_if(
        first, last, [&](const auto& entry) { return same_node(entry.second, outputs[0]); });
    if (same == last) {
      seen.emplace(hash, outputs[0]);
    } else {
      outputs = same->second.outputs();
    }
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (outputs[i].id() != traced[i].id()) merged.try_emplace(traced[i].id(), outputs[i]);
    }
    held.insert(held.end(), traced.begin(), traced.end());
    held.insert(held.end(), outputs.begin(), outputs.end());
  }
  for (auto& output : trace.outputs) output = stand_in(output);
  collect_nodes(trace);
}

}  // namespace mlx::core
