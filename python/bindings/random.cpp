// mlx.core.random: distributions, keys and the state of the default sequence.
#include "mlx/random.h"

#include <algorithm>

#include "bindings.h"
#include "convert.h"
#include "mlx/ops.h"
#include "random_state.h"

namespace {

using Key = std::optional<mx::array>;

constexpr const char* kStateKey = "mlx.core.random.state";

}  // namespace

// A Python object, so that compile() can capture and replace the key; in Python's own dictionary of
// the thread, which outlives no thread.
nb::list default_random_state() {
  nb::handle thread_dict = PyThreadState_GetDict();
  if (!thread_dict.is_valid()) {
    throw std::runtime_error("[random] the calling thread has no Python state.");
  }
  auto dict = nb::borrow<nb::dict>(thread_dict);
  if (dict.contains(kStateKey)) return nb::borrow<nb::list>(dict[kStateKey]);
  nb::list state;
  state.append(wrap_array(mx::random::KeySequence::default_().next()));
  dict[kStateKey] = state;
  return state;
}

namespace {

void seed(uint64_t seed) {
  mx::random::seed(seed);
  default_random_state()[0] = wrap_array(mx::random::key(seed));
}

/** The given key, or the next one of the default sequence. */
mx::array key_or_next(const Key& key) {
  if (key) return *key;
  nb::list state = default_random_state();
  const mx::array* current = nb::len(state) == 1 ? as_array(state[0]) : nullptr;
  if (!current) throw std::invalid_argument("[random] the state must hold one key.");
  auto [rest, taken] = mx::random::split(*current);
  state[0] = wrap_array(rest);
  return taken;
}

std::optional<mx::array> to_optional_array(const std::optional<Operand>& value, mx::Dtype dtype) {
  if (!value || value->handle.is_none()) return std::nullopt;
  return to_array(*value, dtype);
}

mx::array uniform(Operand low, Operand high, const mx::Shape& shape, std::optional<mx::Dtype> dtype,
                  const Key& key, mx::StreamOrDevice s) {
  mx::Dtype type = dtype.value_or(mx::float32);
  return mx::random::uniform(to_array(low), to_array(high), shape, type, key_or_next(key), s);
}

mx::array normal(const mx::Shape& shape, std::optional<mx::Dtype> dtype,
                 const std::optional<Operand>& loc, const std::optional<Operand>& scale,
                 const Key& key, mx::StreamOrDevice s) {
  mx::Dtype type = dtype.value_or(mx::float32);
  return mx::random::normal(shape, type, to_optional_array(loc, type),
                            to_optional_array(scale, type), key_or_next(key), s);
}

mx::array randint(Operand low, Operand high, const mx::Shape& shape, std::optional<mx::Dtype> dtype,
                  const Key& key, mx::StreamOrDevice s) {
  return mx::random::randint(to_array(low), to_array(high), shape, dtype.value_or(mx::int32),
                             key_or_next(key), s);
}

mx::array bernoulli(Operand p, const std::optional<mx::Shape>& shape, const Key& key,
                    mx::StreamOrDevice s) {
  mx::array probability = to_array(p);
  return mx::random::bernoulli(probability, shape.value_or(probability.shape()), key_or_next(key),
                               s);
}

mx::array truncated_normal(Operand lower, Operand upper, const std::optional<mx::Shape>& shape,
                           std::optional<mx::Dtype> dtype, const Key& key, mx::StreamOrDevice s) {
  mx::array low = to_array(lower);
  mx::array high = to_array(upper);
  mx::Shape out_shape = shape ? *shape : mx::broadcast_shapes(low.shape(), high.shape());
  return mx::random::truncated_normal(low, high, out_shape, dtype.value_or(mx::float32),
                                      key_or_next(key), s);
}

mx::array gumbel(const mx::Shape& shape, std::optional<mx::Dtype> dtype, const Key& key,
                 mx::StreamOrDevice s) {
  return mx::random::gumbel(shape, dtype.value_or(mx::float32), key_or_next(key), s);
}

mx::array categorical(const mx::array& logits, int axis, const std::optional<mx::Shape>& shape,
                      std::optional<int> num_samples, const Key& key, mx::StreamOrDevice s) {
  if (shape && num_samples) {
    throw std::invalid_argument("[categorical] give a shape or num_samples, not both.");
  }
  mx::array from = key_or_next(key);
  if (shape) return mx::random::categorical(logits, axis, *shape, from, s);
  if (num_samples) return mx::random::categorical(logits, axis, *num_samples, from, s);
  return mx::random::categorical(logits, axis, from, s);
}

mx::array laplace(const mx::Shape& shape, std::optional<mx::Dtype> dtype, float loc, float scale,
                  const Key& key, mx::StreamOrDevice s) {
  return mx::random::laplace(shape, dtype.value_or(mx::float32), loc, scale, key_or_next(key), s);
}

mx::array permutation(nb::handle x, int axis, const Key& key, mx::StreamOrDevice s) {
  if (const mx::array* array = as_array(x)) {
    return mx::random::permutation(*array, axis, key_or_next(key), s);
  }
  int64_t count;
  if (!PyLong_Check(x.ptr()) || !nb::detail::read_int(x, count)) {
    throw nb::type_error("permutation(): x must be an integer or an array");
  }
  return mx::random::permutation(mx::safe_cast(count, "permutation"), key_or_next(key), s);
}

void bind_keys(nb::module_& m) {
  m.def("seed", &seed, "seed"_a, "Seeds the default sequence of keys of the calling thread.");
  m.def("key", &mx::random::key, "seed"_a, "The key that a seed stands for.");
  m.def(
      "split",
      [](const mx::array& key, int num, mx::StreamOrDevice s) {
        return mx::random::split(key, num, s);
      },
      "key"_a, "num"_a = 2, "stream"_a = nb::none(),
      nb::sig("def split(key: array, num: int = 2, stream: StreamOrDevice = None) -> array"),
      "Makes ``num`` independent keys, as rows of an array, from one.");
  nb::class_<RandomState>(m, "_RandomState",
                          "The default key of the calling thread, in a list of one.")
      .def("__len__", [](const RandomState&) { return nb::len(default_random_state()); })
      .def("__getitem__",
           [](const RandomState&, Py_ssize_t index) {
             nb::list keys = default_random_state();
             auto length = static_cast<Py_ssize_t>(nb::len(keys));
             if (index < -length || index >= length) {
               throw nb::index_error("random state index out of range");
             }
             return nb::object(keys[index < 0 ? index + length : index]);
           })
      .def("__setitem__",
           [](const RandomState&, int index, const mx::array& key) {
             if (index != 0 && index != -1)
               throw nb::index_error("random state index out of range");
             default_random_state()[0] = wrap_array(key);
           })
      .def("__iter__", [](const RandomState&) { return nb::iter(default_random_state()); });
  m.attr("state") = nb::cast(RandomState{});
}

void bind_continuous(nb::module_& m) {
  m.def(
      "uniform", &uniform, "low"_a = 0, "high"_a = 1, "shape"_a = nb::list(),
      "dtype"_a.none() = mx::float32, "key"_a = nb::none(), "stream"_a = nb::none(),
      nb::sig("def uniform(low: scalar | array = 0, high: scalar | array = 1, shape: Sequence[int] "
              "= [], dtype: Dtype | None = float32, key: array | None = None, stream: "
              "StreamOrDevice = None) -> array"),
      R"(
        Numbers drawn uniformly from ``[low, high)``.

        Args:
            low (scalar or array): Lower bound; broadcasts to ``shape``.
            high (scalar or array): Upper bound; broadcasts to ``shape``.
            shape (sequence of int): The shape of the result.
            dtype (Dtype): A real floating-point dtype.
            key (array, optional): The key; by default the next one of the thread's sequence.

        Returns:
            array: The numbers.
        )");
  m.def(
      "normal", &normal, "shape"_a = nb::list(), "dtype"_a.none() = mx::float32,
      "loc"_a = nb::none(), "scale"_a = nb::none(), "key"_a = nb::none(), "stream"_a = nb::none(),
      nb::sig("def normal(shape: Sequence[int] = [], dtype: Dtype | None = float32, loc: scalar | "
              "array | None = None, scale: scalar | array | None = None, key: array | None = "
              "None, stream: StreamOrDevice = None) -> array"),
      R"(
        Normally distributed numbers. The real and imaginary parts of complex ones have a variance of 1/2
        each.

        Args:
            shape (sequence of int): The shape of the result.
            dtype (Dtype): A floating-point dtype or ``complex64``.
            loc (scalar or array, optional): The mean, 0 by default.
            scale (scalar or array, optional): The standard deviation, 1 by default.
            key (array, optional): The key; by default the next one of the thread's sequence.

        Returns:
            array: The numbers.
        )");
  m.def("truncated_normal", &truncated_normal, "lower"_a, "upper"_a, "shape"_a = nb::none(),
        "dtype"_a.none() = mx::float32, "key"_a = nb::none(), "stream"_a = nb::none(),
        nb::sig("def truncated_normal(lower: scalar | array, upper: scalar | array, shape: "
                "Sequence[int] | None = None, dtype: Dtype | None = float32, key: array | None = "
                "None, stream: StreamOrDevice = None) -> array"),
        R"(
        Numbers of the standard normal distribution, restricted to an interval.

        Args:
            lower (scalar or array): Lower bound; broadcasts to ``shape``.
            upper (scalar or array): Upper bound; broadcasts to ``shape``.
            shape (sequence of int, optional): The shape; by default that of the bounds.
            dtype (Dtype): A real floating-point dtype.
            key (array, optional): The key; by default the next one of the thread's sequence.

        Returns:
            array: The numbers.
        )");
  m.def("gumbel", &gumbel, "shape"_a = nb::list(), "dtype"_a.none() = mx::float32,
        "key"_a = nb::none(), "stream"_a = nb::none(),
        nb::sig("def gumbel(shape: Sequence[int] = [], dtype: Dtype | None = float32, key: array | "
                "None = None, stream: StreamOrDevice = None) -> array"),
        "Numbers of the standard Gumbel distribution, whose cumulative distribution is "
        "``exp(-exp(-x))``.");
  m.def(
      "laplace", &laplace, "shape"_a = nb::list(), "dtype"_a.none() = mx::float32, "loc"_a = 0.0f,
      "scale"_a = 1.0f, "key"_a = nb::none(), "stream"_a = nb::none(),
      nb::sig("def laplace(shape: Sequence[int] = [], dtype: Dtype | None = float32, loc: float = "
              "0.0, scale: float = 1.0, key: array | None = None, stream: StreamOrDevice = None) "
              "-> array"),
      "Numbers of the Laplace distribution around ``loc`` with scale ``scale``.");
}

mx::array multivariate_normal(const mx::array& mean, const mx::array& cov, const mx::Shape& shape,
                              std::optional<mx::Dtype> dtype, const Key& key,
                              mx::StreamOrDevice s) {
  return mx::random::multivariate_normal(mean, cov, shape, dtype.value_or(mx::float32),
                                         key_or_next(key), s);
}

void bind_multivariate_normal(nb::module_& m) {
  m.def(
      "multivariate_normal", &multivariate_normal, "mean"_a, "cov"_a, "shape"_a = nb::list(),
      "dtype"_a.none() = mx::float32, "key"_a = nb::none(), "stream"_a = nb::none(),
      nb::sig("def multivariate_normal(mean: array, cov: array, shape: Sequence[int] = [], dtype: "
              "Dtype | None = float32, key: array | None = None, stream: StreamOrDevice = None) "
              "-> array"),
      "Normally distributed vectors with the given mean and covariance matrix, whose leading "
      "dimensions broadcast with ``shape``. The covariance is decomposed on the CPU: where the "
      "default device is another one, pass a CPU stream.");
}

void bind_discrete(nb::module_& m) {
  m.def("randint", &randint, "low"_a, "high"_a, "shape"_a = nb::list(),
        "dtype"_a.none() = mx::int32, "key"_a = nb::none(), "stream"_a = nb::none(),
        nb::sig("def randint(low: scalar | array, high: scalar | array, shape: Sequence[int] = [], "
                "dtype: Dtype | None = int32, key: array | None = None, stream: StreamOrDevice = "
                "None) -> array"),
        R"(
        Integers drawn from ``[low, high)``. They come from float32 numbers, so of an interval wider than
        ``2**24`` not every integer can be drawn.

        Args:
            low (scalar or array): Lower bound; broadcasts to ``shape``.
            high (scalar or array): Upper bound, not drawn itself; broadcasts to ``shape``.
            shape (sequence of int): The shape of the result.
            dtype (Dtype): An integer dtype or ``bool_``.
            key (array, optional): The key; by default the next one of the thread's sequence.

        Returns:
            array: The integers.
        )");
  m.def("bernoulli", &bernoulli, "p"_a = 0.5, "shape"_a = nb::none(), "key"_a = nb::none(),
        "stream"_a = nb::none(),
        nb::sig("def bernoulli(p: scalar | array = 0.5, shape: Sequence[int] | None = None, key: "
                "array | None = None, stream: StreamOrDevice = None) -> array"),
        "Booleans that are true with probability ``p``, in the shape of ``p`` unless another is "
        "given.");
  m.def(
      "categorical", &categorical, "logits"_a, "axis"_a = -1, "shape"_a = nb::none(),
      "num_samples"_a = nb::none(), "key"_a = nb::none(), "stream"_a = nb::none(),
      nb::sig("def categorical(logits: array, axis: int = -1, shape: Sequence[int] | None = None, "
              "num_samples: int | None = None, key: array | None = None, stream: StreamOrDevice = "
              "None) -> array"),
      R"(
        Positions along an axis, drawn with the probabilities ``softmax(logits)``.

        Args:
            logits (array): Logarithms of the probabilities, up to a constant.
            axis (int): The axis that holds one distribution.
            shape (sequence of int, optional): The shape of the result; the other axes of ``logits``
              broadcast to it.
            num_samples (int, optional): How many to draw of each distribution, as a last axis.
            key (array, optional): The key; by default the next one of the thread's sequence.

        Returns:
            array: The positions (``uint32``).
        )");
  m.def("permutation", &permutation, "x"_a, "axis"_a = 0, "key"_a = nb::none(),
        "stream"_a = nb::none(),
        nb::sig("def permutation(x: int | array, axis: int = 0, key: array | None = None, stream: "
                "StreamOrDevice = None) -> array"),
        "The entries of an array along an axis, or the integers below a number, in random order.");
}

}  // namespace

void bind_random(nb::module_& core) {
  nb::module_ m = core.def_submodule("random", "Random numbers as functions of a key.");
  bind_keys(m);
  bind_continuous(m);
  bind_discrete(m);
  bind_multivariate_normal(m);
}
