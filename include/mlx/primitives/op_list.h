// OpList: every element-wise op, once. The binder, the fuser, the backends' kernel tables, export and the
// table-driven tests walk it. An op's index in the list is its number in tapes.
#pragma once

#include <cstddef>
#include <type_traits>

namespace mlx::core {

class AsType;
class Negative;
class Sin;
class Add;
class Subtract;
class Multiply;
class Select;

template <class... Ops>
struct TypeList {
  static constexpr size_t size = sizeof...(Ops);

  /** The position of Op in the list. */
  template <class Op>
  static constexpr int index_of() {
    int index = 0;
    int found = -1;
    ((std::is_same_v<Op, Ops> ? found = index : 0, ++index), ...);
    return found;
  }

  /** Calls `f.template operator()<Op>()` for every op in order. */
  template <class F>
  static void for_each(F&& f) {
    (f.template operator()<Ops>(), ...);
  }
};

using OpList = TypeList<AsType, Negative, Sin, Add, Subtract, Multiply, Select>;

template <class Op>
constexpr int op_index() {
  constexpr int index = OpList::index_of<Op>();
  static_assert(index >= 0, "this element-wise op has no row in OpList");
  return index;
}

}  // namespace mlx::core
