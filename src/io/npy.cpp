// NumPy's npy format: a short text header, then the elements.
#include <cctype>
#include <cstring>
#include <optional>

#include "base/errors.h"
#include "graph/shape.h"
#include "io/source.h"
#include "mlx/io.h"
#include "mlx/ops/shape.h"
#include "mlx/primitives/io.h"
#include "mlx/transforms.h"

namespace mlx::core {

namespace {

constexpr char kMagic[] = "\x93NUMPY";
constexpr size_t kMagicSize = 6;
constexpr size_t kMaxHeader = 1 << 20;

struct NpyHeader {
  std::string descr;
  bool fortran_order = false;
  Shape shape;
};

/** Reads the header's Python dictionary of three known keys; anything else is refused. */
class HeaderParser {
 public:
  HeaderParser(std::string text, std::string label)
      : text_(std::move(text)), label_(std::move(label)) {}

  NpyHeader parse() {
    NpyHeader header;
    bool has_descr = false;
    bool has_order = false;
    bool has_shape = false;
    expect('{');
    while (!accept('}')) {
      std::string key = parse_string();
      expect(':');
      if (key == "descr") {
        header.descr = parse_string();
        has_descr = true;
      } else if (key == "fortran_order") {
        header.fortran_order = parse_bool();
        has_order = true;
      } else if (key == "shape") {
        header.shape = parse_shape();
        has_shape = true;
      } else {
        refuse();
      }
      if (!accept(',') && peek() != '}') refuse();
    }
    if (!has_descr || !has_order || !has_shape) refuse();
    return header;
  }

 private:
  [[noreturn]] void refuse() { throw_runtime("load", "Invalid npy header in {}.", label_); }

  char peek() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool accept(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) refuse();
  }
  std::string parse_string() {
    char quote = peek();
    if (quote != '\'' && quote != '"') refuse();
    size_t end = text_.find(quote, at_ + 1);
    if (end == std::string::npos) refuse();
    std::string value = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return value;
  }
  bool parse_bool() {
    peek();
    for (auto [word, value] : {std::pair("True", true), std::pair("False", false)}) {
      if (text_.compare(at_, std::strlen(word), word) == 0) {
        at_ += std::strlen(word);
        return value;
      }
    }
    refuse();
  }
  Shape parse_shape() {
    Shape shape;
    expect('(');
    while (!accept(')')) {
      if (!std::isdigit(static_cast<unsigned char>(peek()))) refuse();
      int64_t length = 0;
      while (at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_]))) {
        length = length * 10 + (text_[at_++] - '0');
        if (length > INT32_MAX) refuse();
      }
      accept('L');
      shape.push_back(static_cast<ShapeElem>(length));
      if (!accept(',') && peek() != ')') refuse();
    }
    return shape;
  }

  std::string text_;
  std::string label_;
  size_t at_ = 0;
};

}  // namespace

void save(std::shared_ptr<io::Writer> out_stream, array a) {
  out_stream->open();
  if (!out_stream->good() || !out_stream->is_open()) {
    throw_runtime("save", "Failed to open {}.", out_stream->label());
  }
  a = to_host(std::move(a));
  bool fortran_order = a.flags().col_contiguous && !a.flags().row_contiguous;
  if (!fortran_order && !a.flags().row_contiguous) {
    a = contiguous(a, false, Device::cpu);
    a.eval();
  }
  constexpr char kKindLetters[] = {'b', 'u', 'i', 'f', 'c', 'V'};
  std::string shape;
  for (auto length : a.shape()) shape += fmt::format("{}, ", length);
  std::string header =
      fmt::format("{{'descr': '{}{}{}', 'fortran_order': {}, 'shape': ({})}}",
                  a.itemsize() == 1 ? '|' : '<', kKindLetters[static_cast<int>(kindof(a.dtype()))],
                  a.itemsize(), fortran_order ? "True" : "False", shape);
  // Magic, version and length take 10 bytes with version 1 and 12 with version 2; padded to 64.
  bool long_header = header.size() + 1 + 10 + 64 > 65535;
  size_t prefix = kMagicSize + 2 + (long_header ? 4 : 2);
  header.append((64 - (prefix + header.size() + 1) % 64) % 64, ' ');
  header.push_back('\n');
  std::string start(kMagic, kMagicSize);
  start.push_back(long_header ? 2 : 1);
  start.push_back(0);
  for (int i = 0; i < (long_header ? 4 : 2); ++i) {
    start.push_back(static_cast<char>((header.size() >> (8 * i)) & 0xff));
  }
  out_stream->write(start.data(), start.size());
  out_stream->write(header.data(), header.size());
  out_stream->write(a.data<char>(), a.nbytes());
  out_stream->commit();
}

void save(std::string file, array a) {
  if (!file.ends_with(".npy")) file += ".npy";
  save(std::make_shared<io::FileWriter>(std::move(file)), std::move(a));
}

array load(std::shared_ptr<io::Reader> in_stream, StreamOrDevice s) {
  io::check_open(*in_stream, "load");
  size_t begin = in_stream->tell();
  size_t file_size = io::source_size(*in_stream);
  in_stream->seek(static_cast<int64_t>(begin));
  char start[kMagicSize + 2];
  in_stream->read(start, sizeof(start));
  int version = start[kMagicSize];
  if (std::memcmp(start, kMagic, kMagicSize) != 0 || (version != 1 && version != 2)) {
    throw_runtime("load", "Invalid header in {}: not an npy file of version 1 or 2.",
                  in_stream->label());
  }
  int length_bytes = version == 1 ? 2 : 4;
  unsigned char length_field[4] = {};
  in_stream->read(reinterpret_cast<char*>(length_field), length_bytes);
  size_t length = 0;
  for (int i = 0; i < length_bytes; ++i) length |= size_t{length_field[i]} << (8 * i);
  size_t data_offset = begin + sizeof(start) + length_bytes + length;
  if (length > kMaxHeader || data_offset > file_size) {
    throw_runtime("load", "Invalid npy header length {} in {}.", length, in_stream->label());
  }
  std::string text(length, '\0');
  in_stream->read(text.data(), length);
  NpyHeader header = HeaderParser(std::move(text), in_stream->label()).parse();

  if (header.descr.size() < 2)
    throw_runtime("load", "Invalid npy dtype in {}.", in_stream->label());
  bool swap = header.descr[0] == '>';
  std::string type =
      header.descr.substr(std::isalpha(static_cast<unsigned char>(header.descr[0])) ? 0 : 1);
  Dtype dtype = type == "V2" ? bfloat16 : dtype_from_array_protocol("<" + type);
  size_t bytes = num_elements(header.shape);
  if (__builtin_mul_overflow(bytes, size_t{dtype.size()}, &bytes) ||
      bytes > file_size - data_offset) {
    throw_runtime("load", "{} is too short for an array of shape {} and type {}.",
                  in_stream->label(), to_string(header.shape), dtype_name(dtype));
  }
  Shape shape = header.shape;
  if (header.fortran_order) std::reverse(shape.begin(), shape.end());
  Stream stream = to_stream(s, Device::cpu);
  array loaded(shape, dtype, std::make_shared<Load>(stream, in_stream, data_offset, swap),
               std::vector<array>{});
  in_stream->seek(static_cast<int64_t>(data_offset + bytes));
  return header.fortran_order ? transpose(loaded, stream) : loaded;
}

array load(std::string file, StreamOrDevice s) {
  return load(std::make_shared<io::ParallelFileReader>(std::move(file)), s);
}

}  // namespace mlx::core
