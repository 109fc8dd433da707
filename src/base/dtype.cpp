// Dtype names, categories and the promotion table.
#include "mlx/dtype.h"

#include <array>

#include "base/errors.h"

namespace mlx::core {

namespace {

struct DtypeRow {
  Dtype dtype;
  const char* name;
  const char* qualified_name;
  Dtype::Kind kind;
  Dtype::Category category;
  const char* buffer_format;
};

// In the order of Dtype::Val.
constexpr std::array<DtypeRow, kNumDtypes> kRows{{
    {bool_, "bool", "mlx.core.bool", Dtype::Kind::b, generic, "?"},
    {uint8, "uint8", "mlx.core.uint8", Dtype::Kind::u, unsignedinteger, "B"},
    {uint16, "uint16", "mlx.core.uint16", Dtype::Kind::u, unsignedinteger, "H"},
    {uint32, "uint32", "mlx.core.uint32", Dtype::Kind::u, unsignedinteger, "I"},
    {uint64, "uint64", "mlx.core.uint64", Dtype::Kind::u, unsignedinteger, "Q"},
    {int8, "int8", "mlx.core.int8", Dtype::Kind::i, signedinteger, "b"},
    {int16, "int16", "mlx.core.int16", Dtype::Kind::i, signedinteger, "h"},
    {int32, "int32", "mlx.core.int32", Dtype::Kind::i, signedinteger, "i"},
    {int64, "int64", "mlx.core.int64", Dtype::Kind::i, signedinteger, "q"},
    {float16, "float16", "mlx.core.float16", Dtype::Kind::f, floating, "e"},
    {float32, "float32", "mlx.core.float32", Dtype::Kind::f, floating, "f"},
    {float64, "float64", "mlx.core.float64", Dtype::Kind::f, floating, "d"},
    {bfloat16, "bfloat16", "mlx.core.bfloat16", Dtype::Kind::V, floating, "B"},
    {complex64, "complex64", "mlx.core.complex64", Dtype::Kind::c, complexfloating, "Zf"},
}};

constexpr const DtypeRow& row(Dtype dtype) { return kRows[static_cast<int>(dtype.val())]; }

constexpr bool is_float(Dtype d) { return row(d).category == floating; }

/** Promotion of two integer (or bool) dtypes: unsigned with signed widens, past 64 bits to float32.
 */
constexpr Dtype promote_integers(Dtype a, Dtype b) {
  if (a == bool_) return b;
  if (b == bool_) return a;
  bool a_signed = row(a).category == signedinteger;
  bool b_signed = row(b).category == signedinteger;
  if (a_signed == b_signed) return a.size() >= b.size() ? a : b;
  Dtype s = a_signed ? a : b;
  Dtype u = a_signed ? b : a;
  if (s.size() > u.size()) return s;
  switch (u.size()) {
    case 1:
      return int16;
    case 2:
      return int32;
    case 4:
      return int64;
    default:
      return float32;
  }
}

constexpr Dtype promote(Dtype a, Dtype b) {
  if (a == b) return a;
  if (a == complex64 || b == complex64) return complex64;
  if (is_float(a) && is_float(b)) {
    if (a == float64 || b == float64) return float64;
    return float32;  // any two different floats of at most 32 bits
  }
  if (is_float(a)) return a;
  if (is_float(b)) return b;
  return promote_integers(a, b);
}

constexpr auto kPromotion = [] {
  std::array<std::array<uint8_t, kNumDtypes>, kNumDtypes> table{};
  for (int i = 0; i < kNumDtypes; ++i) {
    for (int j = 0; j < kNumDtypes; ++j) {
      table[i][j] = static_cast<uint8_t>(promote(kRows[i].dtype, kRows[j].dtype).val());
    }
  }
  return table;
}();

}  // namespace

Dtype promote_types(const Dtype& a, const Dtype& b) {
  return kRows[kPromotion[static_cast<int>(a.val())][static_cast<int>(b.val())]].dtype;
}

Dtype::Kind kindof(const Dtype& dtype) { return row(dtype).kind; }

bool issubdtype(const Dtype& a, const Dtype& b) { return a == b; }
bool issubdtype(const Dtype::Category&, const Dtype&) { return false; }
bool issubdtype(const Dtype& a, const Dtype::Category& b) { return issubdtype(row(a).category, b); }

bool issubdtype(const Dtype::Category& a, const Dtype::Category& b) {
  if (a == b || b == generic) return true;
  switch (b) {
    case Dtype::Category::number:
      return a != generic;
    case Dtype::Category::inexact:
      return a == complexfloating || a == floating;
    case Dtype::Category::integer:
      return a == signedinteger || a == unsignedinteger;
    default:
      return false;
  }
}

std::string_view dtype_name(Dtype dtype) { return row(dtype).name; }
const char* dtype_to_string(Dtype dtype) { return row(dtype).name; }

Dtype dtype_from_string(std::string_view name) {
  for (const auto& r : kRows) {
    if (name == r.name || name == r.qualified_name) return r.dtype;
  }
  if (name == "bool_") return bool_;
  throw_invalid("dtype", "unknown dtype name '{}'.", name);
}

std::ostream& operator<<(std::ostream& os, Dtype dtype) { return os << row(dtype).name; }

std::string dtype_to_array_protocol(const Dtype& dtype) { return row(dtype).buffer_format; }

Dtype dtype_from_array_protocol(std::string_view format) {
  if (!format.empty() &&
      (format[0] == '<' || format[0] == '=' || format[0] == '@' || format[0] == '|')) {
    format.remove_prefix(1);
  }
  if (format == "l") return int64;
  if (format == "L") return uint64;
  if (format == "b1") return bool_;
  for (const auto& r : kRows) {
    if (format == r.buffer_format && r.dtype != bfloat16) return r.dtype;
  }
  // NumPy's type strings: kind letter and size in bytes.
  for (const auto& r : kRows) {
    constexpr char kKindLetters[] = {'b', 'u', 'i', 'f', 'c', 'V'};
    if (format.size() == 2 && format[0] == kKindLetters[static_cast<int>(r.kind)] &&
        format[1] - '0' == r.dtype.size()) {
      return r.dtype;
    }
  }
  throw_invalid("dtype", "unsupported array format '{}'.", format);
}

}  // namespace mlx::core
