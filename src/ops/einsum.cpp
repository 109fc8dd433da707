// Einstein summation: parsing of subscripts, a greedy order of contractions, and their execution.
#include "mlx/einsum.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "base/errors.h"
#include "graph/shape.h"
#include "mlx/ops/elementwise.h"
#include "mlx/ops/matmul.h"
#include "mlx/ops/reduce.h"
#include "mlx/ops/shape.h"

namespace mlx::core {

namespace {

// Letters name dimensions; those an ellipsis stands for get numbers past the letters.
using Labels = std::vector<int>;
using LabelSet = std::set<int>;
using Sizes = std::map<int, ShapeElem>;
constexpr int kFirstEllipsisLabel = 256;

struct Equation {
  std::vector<Labels> inputs;
  Labels output;
  Sizes sizes;
};

/** Labels of one operand's subscript; `ellipsis` holds the labels that "..." stands for. */
Labels parse_subscript(const char* op, const std::string& text, const Labels& ellipsis) {
  Labels labels;
  bool seen = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.compare(i, 3, "...") == 0) {
      if (seen) throw_invalid(op, "a subscript may have one ellipsis: got '{}'.", text);
      seen = true;
      labels.insert(labels.end(), ellipsis.begin(), ellipsis.end());
      i += 2;
    } else if (std::isalpha(static_cast<unsigned char>(text[i]))) {
      labels.push_back(text[i]);
    } else {
      throw_invalid(op, "subscripts must be letters: got '{}'.", text[i]);
    }
  }
  return labels;
}

bool has_ellipsis(const std::string& text) { return text.find("...") != std::string::npos; }

/** The last `count` labels of an ellipsis of `most` dimensions: they align at the end. */
Labels ellipsis_labels(int count, int most) {
  Labels labels;
  for (int i = most - count; i < most; ++i) labels.push_back(kFirstEllipsisLabel + i);
  return labels;
}

void check_output(const char* op, const Equation& equation) {
  LabelSet seen;
  for (int label : equation.output) {
    if (!seen.insert(label).second) {
      throw_invalid(op, "an index may not be repeated in the output.");
    }
    if (equation.sizes.count(label) == 0) {
      throw_invalid(op, "the output index '{}' is not in any input.", static_cast<char>(label));
    }
  }
}

Equation parse(const char* op, const std::string& subscripts, const std::vector<array>& operands) {
  std::string text = subscripts;
  text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
  const size_t arrow = text.find("->");
  const std::string left = text.substr(0, arrow);
  std::vector<std::string> parts(1);
  for (char c : left) {
    if (c == ',') {
      parts.emplace_back();
    } else {
      parts.back().push_back(c);
    }
  }
  if (parts.size() != operands.size()) {
    throw_invalid(op, "the number of operands, {}, does not match the number of subscripts, {}.",
                  operands.size(), parts.size());
  }
  int most = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (!has_ellipsis(parts[i])) continue;
    const int named = static_cast<int>(parts[i].size()) - 3;
    most = std::max(most, static_cast<int>(operands[i].ndim()) - named);
  }
  Equation equation;
  for (size_t i = 0; i < parts.size(); ++i) {
    const int ndim = static_cast<int>(operands[i].ndim());
    const int covered =
        has_ellipsis(parts[i]) ? std::max(0, ndim - (static_cast<int>(parts[i].size()) - 3)) : 0;
    Labels labels = parse_subscript(op, parts[i], ellipsis_labels(covered, most));
    if (static_cast<int>(labels.size()) != ndim) {
      throw_invalid(op, "invalid number of subscripts {} for input {} with {} dimensions.",
                    labels.size(), i, ndim);
    }
    for (int d = 0; d < ndim; ++d) {
      ShapeElem& size = equation.sizes.try_emplace(labels[d], 1).first->second;
      const ShapeElem found = operands[i].shape(d);
      if (size == 1) {
        size = found;
      } else if (found != 1 && found != size) {
        throw_invalid(op, "cannot broadcast dimension {} of input {} with shape {} to size {}.", d,
                      i, to_string(operands[i].shape()), size);
      }
    }
    equation.inputs.push_back(std::move(labels));
  }
  if (arrow != std::string::npos) {
    equation.output = parse_subscript(op, text.substr(arrow + 2), ellipsis_labels(most, most));
  } else {
    std::map<int, int> uses;
    for (const Labels& labels : equation.inputs) {
      for (int label : labels) ++uses[label];
    }
    equation.output = ellipsis_labels(most, most);
    for (const auto& [label, count] : uses) {
      if (count == 1 && label < kFirstEllipsisLabel) equation.output.push_back(label);
    }
  }
  check_output(op, equation);
  return equation;
}

double size_of_labels(const LabelSet& labels, const Sizes& sizes) {
  double size = 1;
  for (int label : labels) size *= sizes.at(label);
  return size;
}

LabelSet unite(const LabelSet& a, const LabelSet& b) {
  LabelSet all = a;
  all.insert(b.begin(), b.end());
  return all;
}

/** Multiplications and additions of one contraction of `terms` operands. */
double flop_count(const LabelSet& labels, bool sums, size_t terms, const Sizes& sizes) {
  const double factor = std::max<double>(1, static_cast<double>(terms) - 1) + (sums ? 1 : 0);
  return size_of_labels(labels, sizes) * factor;
}

struct Path {
  std::vector<std::vector<int>> steps;
  double naive_flops = 0;
  double flops = 0;
  size_t naive_scaling = 0;
  size_t scaling = 0;
};

/** The labels that operands i and j leave: those the output or another operand needs. */
LabelSet remaining_labels(const std::vector<LabelSet>& terms, const LabelSet& output, int i,
                          int j) {
  LabelSet needed = output;
  for (size_t t = 0; t < terms.size(); ++t) {
    if (static_cast<int>(t) != i && static_cast<int>(t) != j) {
      needed.insert(terms[t].begin(), terms[t].end());
    }
  }
  LabelSet kept;
  for (int label : unite(terms[i], terms[j])) {
    if (needed.count(label) > 0) kept.insert(label);
  }
  return kept;
}

/** Greedily takes the pair that frees most memory, then the cheapest; pairs that share no index
 * come last. Results go to the end of the operand list, as in NumPy's paths. */
Path find_path(const Equation& equation) {
  std::vector<LabelSet> terms;
  LabelSet all;
  for (const Labels& labels : equation.inputs) {
    terms.emplace_back(labels.begin(), labels.end());
    all = unite(all, terms.back());
  }
  const LabelSet output(equation.output.begin(), equation.output.end());
  Path path;
  path.naive_scaling = all.size();
  path.naive_flops = flop_count(all, all.size() > output.size(), terms.size(), equation.sizes);
  if (terms.size() <= 2) {
    std::vector<int> step;
    for (size_t i = 0; i < terms.size(); ++i) step.push_back(static_cast<int>(i));
    path.steps.push_back(std::move(step));
    path.flops = path.naive_flops;
    path.scaling = path.naive_scaling;
    return path;
  }
  while (terms.size() > 1) {
    int best_i = -1;
    int best_j = -1;
    double best_removed = 0;
    double best_cost = 0;
    for (bool need_shared : {true, false}) {
      for (int i = 0; i < static_cast<int>(terms.size()); ++i) {
        for (int j = i + 1; j < static_cast<int>(terms.size()); ++j) {
          const LabelSet joined = unite(terms[i], terms[j]);
          if (need_shared && joined.size() == terms[i].size() + terms[j].size()) continue;
          const LabelSet kept = remaining_labels(terms, output, i, j);
          const double removed = size_of_labels(terms[i], equation.sizes) +
                                 size_of_labels(terms[j], equation.sizes) -
                                 size_of_labels(kept, equation.sizes);
          const double cost = flop_count(joined, joined.size() > kept.size(), 2, equation.sizes);
          if (best_i < 0 || removed > best_removed ||
              (removed == best_removed && cost < best_cost)) {
            best_i = i;
            best_j = j;
            best_removed = removed;
            best_cost = cost;
          }
        }
      }
      if (best_i >= 0) break;
    }
    path.steps.push_back({best_i, best_j});
    path.flops += best_cost;
    path.scaling = std::max(path.scaling, unite(terms[best_i], terms[best_j]).size());
    LabelSet kept = remaining_labels(terms, output, best_i, best_j);
    terms.erase(terms.begin() + best_j);
    terms.erase(terms.begin() + best_i);
    terms.push_back(std::move(kept));
  }
  return path;
}

/** An operand on its way: each label stands for one dimension. */
struct Term {
  array value;
  Labels labels;
};

int position(const Labels& labels, int label) {
  return static_cast<int>(std::find(labels.begin(), labels.end(), label) - labels.begin());
}

/** Keeps the diagonal of dimensions that carry the same label. */
void take_diagonals(Term& term, Stream s) {
  for (size_t i = 0; i < term.labels.size(); ++i) {
    for (size_t j = i + 1; j < term.labels.size(); ++j) {
      if (term.labels[i] != term.labels[j]) continue;
      const int last = static_cast<int>(term.labels.size()) - 1;
      array x = moveaxis(term.value, static_cast<int>(j), last, s);
      x = moveaxis(x, static_cast<int>(i), last, s);
      const ShapeElem rows = x.shape(-2);
      const ShapeElem size = std::max(rows, x.shape(-1));
      if (rows != x.shape(-1)) {  // a dimension of size 1 broadcasts
        Shape shape = x.shape();
        shape[last - 1] = shape[last] = size;
        x = broadcast_to(x, shape, s);
      }
      // The diagonal of a flattened square matrix is every (size + 1)-th element.
      Shape flat(x.shape().begin(), x.shape().end() - 1);
      flat.back() = size * size;
      x = reshape(x, flat, s);
      Shape start(flat.size(), 0), strides(flat.size(), 1);
      strides.back() = size + 1;
      term.value = slice(x, start, flat, strides, s);
      const int label = term.labels[i];
      term.labels.erase(term.labels.begin() + static_cast<int64_t>(j));
      term.labels.erase(term.labels.begin() + static_cast<int64_t>(i));
      term.labels.push_back(label);
      return take_diagonals(term, s);
    }
  }
}

/** Sums the dimensions whose label is not in `kept`. */
void sum_others(Term& term, const LabelSet& kept, Stream s) {
  std::vector<int> axes;
  Labels labels;
  for (size_t i = 0; i < term.labels.size(); ++i) {
    if (kept.count(term.labels[i]) > 0) {
      labels.push_back(term.labels[i]);
    } else {
      axes.push_back(static_cast<int>(i));
    }
  }
  if (axes.empty()) return;
  const Dtype dtype = term.value.dtype();
  term.value = astype(sum(term.value, axes, false, s), dtype, s);
  term.labels = std::move(labels);
}

/** The operand's dimensions in the order `batch`, `first`, `second`, as a batch of matrices. */
array as_matrices(const Term& term, const Labels& batch, const Labels& first, const Labels& second,
                  const Sizes& sizes, Stream s) {
  Labels order = batch;
  order.insert(order.end(), first.begin(), first.end());
  order.insert(order.end(), second.begin(), second.end());
  std::vector<int> axes;
  Shape full;
  for (int label : order) {
    axes.push_back(position(term.labels, label));
    full.push_back(sizes.at(label));
  }
  array x = transpose(term.value, axes, s);
  if (x.shape() != full) x = broadcast_to(x, full, s);
  Shape shape;
  ShapeElem rows = 1;
  ShapeElem columns = 1;
  for (int label : batch) shape.push_back(sizes.at(label));
  for (int label : first) rows *= sizes.at(label);
  for (int label : second) columns *= sizes.at(label);
  shape.push_back(rows);
  shape.push_back(columns);
  return reshape(x, shape, s);
}

/** Contracts two operands to the labels in `kept`: by a batched matrix product if any index is
 * summed over, else by broadcasting. */
Term contract(Term a, Term b, const LabelSet& kept, const Sizes& sizes, Stream s) {
  const LabelSet in_a(a.labels.begin(), a.labels.end());
  const LabelSet in_b(b.labels.begin(), b.labels.end());
  // Dimensions only one operand has and nobody needs are summed beforehand.
  sum_others(a, unite(kept, in_b), s);
  sum_others(b, unite(kept, in_a), s);
  Labels batch, summed, rows, columns;
  for (int label : a.labels) {
    if (in_b.count(label) == 0) {
      rows.push_back(label);
    } else if (kept.count(label) > 0) {
      batch.push_back(label);
    } else {
      summed.push_back(label);
    }
  }
  for (int label : b.labels) {
    if (in_a.count(label) == 0) columns.push_back(label);
  }
  Labels labels = batch;
  labels.insert(labels.end(), rows.begin(), rows.end());
  labels.insert(labels.end(), columns.begin(), columns.end());
  Shape shape;
  for (int label : labels) shape.push_back(sizes.at(label));
  if (summed.empty()) {
    array left = as_matrices(a, batch, rows, {}, sizes, s);
    array right = as_matrices(b, batch, {}, columns, sizes, s);
    return {reshape(multiply(left, right, s), shape, s), labels};
  }
  array left = as_matrices(a, batch, rows, summed, sizes, s);
  array right = as_matrices(b, batch, summed, columns, sizes, s);
  return {reshape(matmul(left, right, s), shape, s), labels};
}

}  // namespace

std::pair<std::vector<std::vector<int>>, std::string> einsum_path(
    const std::string& subscripts, const std::vector<array>& operands) {
  const Equation equation = parse("einsum_path", subscripts, operands);
  const Path path = find_path(equation);
  std::string text = fmt::format(
      "  Complete contraction:  {}\n         Naive scaling:  {}\n     Optimized scaling:  {}\n"
      "      Naive FLOP count:  {:.0f}\n  Optimized FLOP count:  {:.0f}\n",
      subscripts, path.naive_scaling, path.scaling, path.naive_flops, path.flops);
  return {path.steps, std::move(text)};
}

array einsum(const std::string& subscripts, const std::vector<array>& operands, StreamOrDevice s) {
  Stream stream = to_stream(s);
  const Equation equation = parse("einsum", subscripts, operands);
  const LabelSet output(equation.output.begin(), equation.output.end());
  std::vector<Term> terms;
  for (size_t i = 0; i < operands.size(); ++i) {
    terms.push_back({operands[i], equation.inputs[i]});
    take_diagonals(terms.back(), stream);
  }
  if (terms.size() > 1) {
    for (const auto& step : find_path(equation).steps) {
      const int i = step[0];
      const int j = step[1];
      LabelSet kept = output;
      for (size_t t = 0; t < terms.size(); ++t) {
        if (static_cast<int>(t) == i || static_cast<int>(t) == j) continue;
        kept.insert(terms[t].labels.begin(), terms[t].labels.end());
      }
      Term joined = contract(terms[i], terms[j], kept, equation.sizes, stream);
      terms.erase(terms.begin() + j);
      terms.erase(terms.begin() + i);
      terms.push_back(std::move(joined));
    }
  }
  Term& last = terms[0];
  sum_others(last, output, stream);
  std::vector<int> order;
  for (int label : equation.output) order.push_back(position(last.labels, label));
  return transpose(last.value, order, stream);
}

}  // namespace mlx::core
