// Printing of graphs as lines and as dot.
#include "mlx/graph_utils.h"

#include <fmt/format.h>

#include <iterator>
#include <mutex>
#include <unordered_set>

#include "graph/graph_lock.h"
#include "graph/shape.h"
#include "mlx/primitives/primitive.h"

namespace mlx::core {

namespace {

struct Node {
  array one;  // of its outputs
  std::vector<array> outputs;
};

struct Graph {
  std::vector<array> inputs;  // in the order in which they are met
  std::vector<Node> nodes;    // each after those that make its inputs
};

Graph collect(const std::vector<array>& outputs) {
  Graph graph;
  std::unordered_set<std::uintptr_t> met;
  std::vector<std::pair<array, size_t>> stack;
  auto push = [&](const array& a) {
    if (!met.insert(a.id()).second) return;
    if (!a.has_primitive()) {
      graph.inputs.push_back(a);
      return;
    }
    for (const auto& sibling : a.siblings()) met.insert(sibling.id());
    stack.emplace_back(a, 0);
  };
  for (const auto& output : outputs) {
    push(output);
    while (!stack.empty()) {
      auto& [node, next_input] = stack.back();
      if (next_input < node.inputs().size()) {
        array input = node.inputs()[next_input++];
        push(input);  // may move what `node` refers to
      } else {
        graph.nodes.push_back({node, node.outputs()});
        stack.pop_back();
      }
    }
  }
  return graph;
}

class Writer {
 public:
  Writer(std::ostream& os, NodeNamer namer) : os_(os), namer_(std::move(namer)) {}

  void list(const char* lead, const std::vector<array>& arrays) {
    for (size_t i = 0; i < arrays.size(); ++i) {
      os_ << (i == 0 ? lead : ", ") << namer_.get_name(arrays[i]) << " ["
          << to_string(arrays[i].shape()) << ", " << dtype_name(arrays[i].dtype()) << "]";
    }
  }

  std::string quoted(const array& a) {
    std::string text = "\"";
    for (char c : namer_.get_name(a)) {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
    return text + '"';
  }

 private:
  std::ostream& os_;
  NodeNamer namer_;
};

}  // namespace

const std::string& NodeNamer::get_name(const array& x) {
  auto found = names.find(x.id());
  if (found != names.end()) return found->second;
  std::string name;
  for (size_t rest = names.size() + 1; rest > 0; rest = (rest - 1) / 26) {
    name.insert(name.begin(), static_cast<char>('A' + (rest - 1) % 26));
  }
  return names.emplace(x.id(), std::move(name)).first->second;
}

void NodeNamer::set_name(const array& x, std::string name) {
  names.insert_or_assign(x.id(), std::move(name));
}

void print_graph(std::ostream& os, NodeNamer namer, const std::vector<array>& outputs) {
  std::lock_guard lock(graph_mutex());
  Graph graph = collect(outputs);
  Writer writer(os, std::move(namer));
  writer.list("Inputs: ", graph.inputs);
  writer.list("\nOutputs: ", outputs);
  os << "\n";
  for (const auto& node : graph.nodes) {
    os << node.one.primitive().name();
    writer.list(" ", node.one.inputs());
    writer.list(" -> ", node.outputs);
    os << "\n";
  }
}

void export_to_dot(std::ostream& os, NodeNamer namer, const std::vector<array>& outputs) {
  std::lock_guard lock(graph_mutex());
  Graph graph = collect(outputs);
  Writer writer(os, std::move(namer));
  std::unordered_set<std::uintptr_t> ends;
  for (const auto& output : outputs) ends.insert(output.id());
  os << "digraph {\n";
  for (const auto& input : graph.inputs) os << "{ rank=source; " << writer.quoted(input) << "; }\n";
  for (const auto& node : graph.nodes) {
    auto box = node.one.primitive_id();
    os << "{ " << box << " [label =\"" << node.one.primitive().name()
       << "\", shape=rectangle]; }\n";
    for (const auto& input : node.one.inputs()) {
      os << writer.quoted(input) << " -> " << box << "\n";
    }
    for (const auto& output : node.outputs) {
      os << (ends.contains(output.id()) ? "{ rank=sink; " : "{ ") << writer.quoted(output)
         << "; }\n"
         << box << " -> " << writer.quoted(output) << "\n";
    }
  }
  os << "}\n";
}

}  // namespace mlx::core
