// Deferred release of Python objects; the type of transformed functions.
#include "held.h"

#include <mutex>
#include <vector>

namespace {

std::mutex dropped_mutex;

std::vector<PyObject*>& dropped() {
  static auto* objects = new std::vector<PyObject*>;  // outlives the closures of static arrays
  return *objects;
}

int release_dropped(void*) {
  std::vector<PyObject*> objects;
  {
    std::lock_guard lock(dropped_mutex);
    objects.swap(dropped());
  }
  for (PyObject* object : objects) Py_DECREF(object);
  return 0;
}

void drop(PyObject* object) {
  if (!Py_IsInitialized()) return;
  bool is_first;
  {
    std::lock_guard lock(dropped_mutex);
    is_first = dropped().empty();
    dropped().push_back(object);
  }
  // If the interpreter's queue is full, the next drop tries again.
  if (is_first || dropped().size() % 64 == 0) Py_AddPendingCall(&release_dropped, nullptr);
}

TransformedFunction* as_function(PyObject* self) {
  return nb::inst_ready(nb::handle(self)) ? nb::inst_ptr<TransformedFunction>(nb::handle(self))
                                          : nullptr;
}

int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  if (PyObject** attributes = _PyObject_GetDictPtr(self)) Py_VISIT(*attributes);
  if (auto* f = as_function(self)) {
    Py_VISIT(f->function.ptr());
    Py_VISIT(f->inputs.ptr());
    Py_VISIT(f->outputs.ptr());
  }
  return 0;
}

int clear(PyObject* self) {
  if (PyObject** attributes = _PyObject_GetDictPtr(self)) Py_CLEAR(*attributes);
  if (auto* f = as_function(self)) {
    nb::object function = std::move(f->function);
    nb::object inputs = std::move(f->inputs);
    nb::object outputs = std::move(f->outputs);
  }
  return 0;
}

PyType_Slot function_slots[] = {
    {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(clear)},
    {0, nullptr},
};

}  // namespace

Held::Held(nb::handle object) : object_(object.inc_ref().ptr(), &drop) {}

nb::object make_function(TransformedFunction function) {
  nb::object original = function.function;
  nb::object made = nb::cast(std::move(function));
  for (const char* name : {"__name__", "__qualname__", "__module__", "__doc__"}) {
    nb::object value = nb::getattr(original, name, nb::none());
    if (!value.is_none()) nb::setattr(made, name, value);
  }
  nb::setattr(made, "__wrapped__", original);
  return made;
}

void bind_transformed_function(nb::module_& m) {
  nb::class_<TransformedFunction>(m, "_gc_func", nb::type_slots(function_slots), nb::dynamic_attr(),
                                  nb::is_weak_referenceable())
      .def("__call__", [](TransformedFunction& self, const nb::args& args,
                          const nb::kwargs& kwargs) { return self.call(self, args, kwargs); });
}
