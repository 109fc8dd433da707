// compile: functions of trees, with captured state, traced once and replayed.
#include "mlx/compile.h"

#include <atomic>
#include <bit>
#include <string>

#include "bindings.h"
#include "convert.h"
#include "held.h"
#include "mlx/compile_impl.h"
#include "random_state.h"
#include "trees.h"

namespace {

/** What distinguishes traces besides shapes and dtypes: the structure of the arguments and the
 * leaves that are no arrays, as numbers. */
class Signature {
 public:
  std::vector<mx::array> arrays;
  std::vector<uint64_t> constants;

  void add(nb::handle argument) {
    nb::object tree = resolve_random_state(argument);
    PyObject* object = tree.ptr();
    if (auto* a = as_array(tree)) {
      arrays.push_back(*a);
      constants.push_back(kArray);
    } else if (PyList_Check(object) || PyTuple_Check(object)) {
      constants.push_back(PyList_Check(object) ? kList : kTuple);
      constants.push_back(nb::len(tree));
      for (nb::handle item : tree) add(item);
    } else if (PyDict_Check(object)) {
      constants.push_back(kDict);
      constants.push_back(nb::len(tree));
      for (auto [key, value] : nb::borrow<nb::dict>(tree)) {
        constants.push_back(hash(key));
        add(value);
      }
    } else {
      add_constant(tree);
    }
  }

 private:
  // Arbitrary, distinct marks.
  static constexpr uint64_t kArray = 0x9f3a61c2d5e80b01;
  static constexpr uint64_t kList = 0x9f3a61c2d5e80b02;
  static constexpr uint64_t kTuple = 0x9f3a61c2d5e80b03;
  static constexpr uint64_t kDict = 0x9f3a61c2d5e80b04;
  static constexpr uint64_t kString = 0x9f3a61c2d5e80b05;
  static constexpr uint64_t kInt = 0x9f3a61c2d5e80b06;
  static constexpr uint64_t kFloat = 0x9f3a61c2d5e80b07;
  static constexpr uint64_t kNone = 0x9f3a61c2d5e80b08;
  static constexpr uint64_t kBool = 0x9f3a61c2d5e80b09;
  static constexpr uint64_t kOther = 0x9f3a61c2d5e80b0a;

  static uint64_t hash(nb::handle object) {
    Py_hash_t value = PyObject_Hash(object.ptr());
    if (value == -1 && PyErr_Occurred()) throw nb::python_error();
    return static_cast<uint64_t>(value);
  }

  void add_constant(nb::handle leaf) {
    PyObject* object = leaf.ptr();
    if (leaf.is_none()) {
      constants.push_back(kNone);
    } else if (PyBool_Check(object)) {
      constants.insert(constants.end(), {kBool, object == Py_True});
    } else if (PyLong_Check(object)) {
      constants.insert(constants.end(), {kInt, PyLong_AsUnsignedLongLongMask(object), hash(leaf)});
    } else if (PyFloat_Check(object)) {
      constants.insert(constants.end(),
                       {kFloat, std::bit_cast<uint64_t>(PyFloat_AS_DOUBLE(object))});
    } else if (PyUnicode_Check(object)) {
      constants.insert(constants.end(), {kString, hash(leaf)});
    } else if (nb::isinstance<mx::Dtype>(leaf)) {
      constants.insert(constants.end(), {kOther, hash(leaf)});
    } else {
      throw std::invalid_argument(
          "[compile] arguments must be trees of arrays, numbers, strings, dtypes or None: got " +
          std::string(nb::inst_name(leaf).c_str()) + ".");
    }
  }
};

/** What a trace leaves for its replays: the structures to put the outputs into. */
struct TracedResult {
  Held result;
  Held state;  // of the captured outputs
  size_t num_result_arrays = 0;
};

/** The structure with stand-ins for its arrays, so that it keeps no graph alive. */
Held structure_of(nb::handle tree) {
  return Held(tree_map(tree, [](nb::handle leaf) -> nb::object {
    return as_array(leaf) ? wrap_array(mx::array(0)) : nb::borrow(leaf);
  }));
}

/** Puts the captured inputs back after a trace replaced their arrays. */
class RestoreState {
 public:
  explicit RestoreState(nb::handle state) : state_(state) {
    if (state.is_valid()) {
      saved_ = tree_map(state, [](nb::handle leaf) -> nb::object {
        if (auto* a = as_array(leaf)) return wrap_array(*a);
        return nb::borrow(leaf);
      });
    }
  }
  ~RestoreState() {
    try {
      if (state_.is_valid()) tree_update(state_, saved_);
    } catch (...) {
      PyErr_Clear();
    }
  }
  RestoreState(const RestoreState&) = delete;
  RestoreState& operator=(const RestoreState&) = delete;

 private:
  nb::handle state_;
  nb::object saved_;
};

/** Erases the traces of a function when it goes. */
class FunctionId {
 public:
  /** Odd, so never the address of a C++ function, which is what C++ callers use. */
  FunctionId() : id_(2 * next_++ + 1) {}
  ~FunctionId() { mx::detail::compile_erase(id_); }
  FunctionId(const FunctionId&) = delete;
  FunctionId& operator=(const FunctionId&) = delete;
  std::uintptr_t get() const { return id_; }

 private:
  static inline std::atomic<std::uintptr_t> next_{0};
  std::uintptr_t id_;
};

nb::object call_compiled(TransformedFunction& self, const FunctionId& id, bool shapeless,
                         const nb::args& args, const nb::kwargs& kwargs) {
  Signature signature;
  signature.add(args);
  signature.add(kwargs);
  size_t num_arguments = signature.arrays.size();
  if (self.inputs.is_valid()) {
    for (auto& a : tree_arrays(self.inputs, false)) signature.arrays.push_back(std::move(a));
  }

  auto trace = [&](const std::vector<mx::array>& arrays) -> mx::detail::ArraysAndExtra {
    RestoreState restore(self.inputs);
    nb::tuple arguments = nb::make_tuple(args, kwargs);
    nb::object replaced = tree_replace_arrays(arguments, arrays);
    if (self.inputs.is_valid()) {
      tree_update(self.inputs, tree_replace_arrays(self.inputs, arrays, num_arguments));
    }
    nb::object result = self.function(*nb::borrow<nb::tuple>(nb::object(replaced[0])),
                                      **nb::borrow<nb::dict>(nb::object(replaced[1])));
    auto traced = std::make_shared<TracedResult>();
    std::vector<mx::array> outputs = tree_arrays(result, false);
    traced->num_result_arrays = outputs.size();
    traced->result = structure_of(result);
    if (self.outputs.is_valid()) {
      for (auto& a : tree_arrays(self.outputs, false)) outputs.push_back(std::move(a));
      traced->state = structure_of(self.outputs);
    }
    return {std::move(outputs), traced};
  };

  auto [outputs, extra] =
      mx::detail::compile(mx::detail::ArrayFnWithExtra(trace), id.get(), shapeless,
                          std::move(signature.constants))(signature.arrays);
  auto* traced = static_cast<TracedResult*>(extra.get());
  if (self.outputs.is_valid()) {
    tree_update(self.outputs,
                tree_replace_arrays(traced->state.get(), outputs, traced->num_result_arrays));
  }
  return tree_replace_arrays(traced->result.get(), outputs);
}

nb::object compile(nb::callable fun, nb::object inputs, nb::object outputs, bool shapeless) {
  auto id = std::make_shared<FunctionId>();
  return make_function({fun, inputs.is_none() ? nb::object() : inputs,
                        outputs.is_none() ? nb::object() : outputs,
                        [id = id.get(), shapeless](TransformedFunction& self, const nb::args& args,
                                                   const nb::kwargs& kwargs) {
                          return call_compiled(self, *id, shapeless, args, kwargs);
                        },
                        id});
}

}  // namespace

void bind_compile(nb::module_& m) {
  m.def("compile", &compile, "fun"_a, "inputs"_a = nb::none(), "outputs"_a = nb::none(),
        "shapeless"_a = false,
        nb::sig("def compile(fun: Callable[P, R], inputs: object | None = None, outputs: object | "
                "None = None, shapeless: bool = False) -> Callable[P, R]"),
        R"(
        The function, traced on its first call with arguments of some structure, shapes and dtypes and
        replayed afterwards. Python code in it runs while it is traced only, and cannot look at values.

        Args:
            fun (Callable): A function of trees of arrays and of constants (numbers, strings, None);
              another constant makes another trace.
            inputs (list or dict, optional): Arrays besides the arguments that the function reads, such
              as ``model.state``.
            outputs (list or dict, optional): Arrays that it replaces, such as ``optimizer.state``.
            shapeless (bool): Whether one trace serves arguments of other shapes, with as many
              dimensions. A function whose trace fixes a shape raises ``ValueError``.

        Returns:
            Callable: A function of the same arguments and result.
        )");
  m.def("disable_compile", &mx::disable_compile, "Compiled functions run as they were written.");
  m.def("enable_compile", &mx::enable_compile, "Compiled functions are compiled again.");
}
