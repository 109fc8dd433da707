// The text of arrays: nested rows, large dimensions shortened to their ends.
#include <cmath>
#include <iomanip>
#include <sstream>

#include "base/dispatch.h"
#include "mlx/transforms.h"
#include "mlx/utils.h"

namespace mlx::core {

namespace {

/** Dimensions longer than twice this show so many elements from each end. */
constexpr int kEdgeItems = 3;
constexpr int kIndent = 7;  // the width of "array(" and one bracket

void print_value(std::ostream& os, bool value) { os << (value ? "True" : "False"); }
void print_value(std::ostream& os, uint8_t value) { os << static_cast<int>(value); }
void print_value(std::ostream& os, int8_t value) { os << static_cast<int>(value); }
void print_value(std::ostream& os, float16_t value) { os << static_cast<float>(value); }
void print_value(std::ostream& os, bfloat16_t value) { os << static_cast<float>(value); }
void print_value(std::ostream& os, complex64_t value) {
  float imag = value.imag();
  os << value.real() << (imag >= 0 || std::isnan(imag) ? "+" : "") << imag << "j";
}
template <typename T>
void print_value(std::ostream& os, T value) {
  os << value;
}

template <typename T>
class Printer {
 public:
  Printer(std::ostream& os, const array& a) : os_(os), array_(a), data_(a.data<T>()) {}

  void print(int axis, int64_t offset) {
    if (axis == static_cast<int>(array_.ndim())) return print_value(os_, data_[offset]);
    bool innermost = axis + 1 == static_cast<int>(array_.ndim());
    int length = array_.shape(axis);
    int64_t stride = array_.strides(axis);
    std::string separator = innermost ? ", " : ",\n" + std::string(kIndent + axis, ' ');
    os_ << "[";
    for (int i = 0; i < length; ++i) {
      if (i > 0) os_ << separator;
      if (length > 2 * kEdgeItems && i == kEdgeItems) {
        os_ << "..." << separator;
        i = length - kEdgeItems;
      }
      print(axis + 1, offset + i * stride);
    }
    os_ << "]";
  }

 private:
  std::ostream& os_;
  const array& array_;
  const T* data_;
};

}  // namespace

std::ostream& operator<<(std::ostream& os, array a) {
  a = to_host(std::move(a));
  std::ostringstream text;
  int precision = get_printoptions().precision;
  if (precision >= 0) text << std::fixed << std::setprecision(precision);
  text << "array(";
  dispatch_dtype(a.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    Printer<T>(text, a).print(0, 0);
  });
  text << ", dtype=" << dtype_name(a.dtype()) << ")";
  return os << text.str();
}

}  // namespace mlx::core
