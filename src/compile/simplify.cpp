// Common subexpression elimination on traces.
#include <cstring>
#include <functional>
#include <typeinfo>
#include <unordered_map>

#include "compile/trace.h"
#include "mlx/primitives/primitive.h"

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
  for (auto& node : trace.nodes) {
    auto outputs = node.outputs();
    std::vector<array> inputs;
    for (const auto& input : node.inputs()) inputs.push_back(stand_in(input));
    for (auto& output : outputs) output.inputs() = inputs;
    size_t hash = node_hash(node, inputs);
    auto [first, last] = seen.equal_range(hash);
    auto same = std::find_if(first, last, [&](const auto& entry) { return same_node(entry.second, node); });
    if (same == last) {
      seen.emplace(hash, node);
      continue;
    }
    auto kept = same->second.outputs();
    for (size_t i = 0; i < outputs.size(); ++i) merged.try_emplace(outputs[i].id(), kept[i]);
  }
  for (auto& output : trace.outputs) output = stand_in(output);
  collect_nodes(trace);
}

}  // namespace mlx::core
