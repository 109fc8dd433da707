// Saving and loading arrays: npy, npz and safetensors, by name or through Python file objects.
#include "mlx/io.h"

#include <nanobind/stl/unordered_map.h>

#include <cstring>
#include <string>

#include "bindings.h"
#include "convert.h"

namespace {

/** The bytes of a file object, read at once: loading happens later, on other threads. */
class MemoryReader : public mx::io::Reader {
 public:
  explicit MemoryReader(std::string bytes) : bytes_(std::move(bytes)) {}
  bool is_open() const override { return true; }
  bool good() const override { return position_ <= bytes_.size(); }
  size_t tell() override { return position_; }
  void seek(int64_t off, std::ios_base::seekdir way) override {
    int64_t base = way == std::ios_base::beg   ? 0
                   : way == std::ios_base::end ? static_cast<int64_t>(bytes_.size())
                                               : static_cast<int64_t>(position_);
    int64_t target = 0;
    if (__builtin_add_overflow(base, off, &target) || target < 0) {
      throw std::runtime_error("[load] cannot seek before the start of the file object.");
    }
    position_ = static_cast<size_t>(target);
  }
  void read(char* data, size_t n) override {
    read(data, n, position_);
    position_ += n;
  }
  void read(char* data, size_t n, size_t offset) override {
    if (offset > bytes_.size() || n > bytes_.size() - offset) {
      throw std::runtime_error("[load] the file object ends before the data it announces.");
    }
    std::memcpy(data, bytes_.data() + offset, n);
  }
  std::string label() const override { return "file object"; }

 private:
  std::string bytes_;
  size_t position_ = 0;
};

/** Collects what is written; a file object gets it in one piece. */
class MemoryWriter : public mx::io::Writer {
 public:
  bool is_open() const override { return true; }
  bool good() const override { return true; }
  size_t tell() override { return position_; }
  void seek(int64_t off, std::ios_base::seekdir way) override {
    int64_t base = way == std::ios_base::beg   ? 0
                   : way == std::ios_base::end ? static_cast<int64_t>(bytes_.size())
                                               : static_cast<int64_t>(position_);
    position_ = static_cast<size_t>(base + off);
  }
  void write(const char* data, size_t n) override {
    if (position_ + n > bytes_.size()) bytes_.resize(position_ + n);
    std::memcpy(bytes_.data() + position_, data, n);
    position_ += n;
  }
  std::string label() const override { return "file object"; }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
  size_t position_ = 0;
};

std::optional<std::string> as_path(nb::handle file) {
  if (PyUnicode_Check(file.ptr())) return nb::cast<std::string>(file);
  if (nb::hasattr(file, "__fspath__")) {
    nb::object path = nb::steal(PyOS_FSPath(file.ptr()));
    if (!path.is_valid()) throw nb::python_error();
    if (PyUnicode_Check(path.ptr())) return nb::cast<std::string>(path);
  }
  return std::nullopt;
}

void require_file_object(nb::handle file, const char* method, const char* op) {
  if (!nb::hasattr(file, method)) {
    throw std::invalid_argument(std::string("[") + op +
                                "] expected a path or a binary file object: got " +
                                nb::inst_name(file).c_str() + ".");
  }
}

nb::bytes to_bytes(const std::string& bytes) { return nb::bytes(bytes.data(), bytes.size()); }

std::string read_all(nb::handle file, const char* op) {
  require_file_object(file, "read", op);
  nb::object content = file.attr("read")();
  if (!PyBytes_Check(content.ptr())) {
    throw std::invalid_argument(std::string("[") + op + "] the file object is not in binary mode.");
  }
  return {PyBytes_AS_STRING(content.ptr()), static_cast<size_t>(PyBytes_GET_SIZE(content.ptr()))};
}

bool ends_with(const std::string& text, const std::string& suffix) {
  return text.size() >= suffix.size() &&
         text.compare(text.size() - suffix.size(), suffix.size(), suffix) == 0;
}

std::string npy_bytes(const mx::array& a) {
  auto writer = std::make_shared<MemoryWriter>();
  nb::gil_scoped_release release;
  mx::save(writer, a);
  return writer->bytes();
}

void save(nb::object file, const mx::array& arr) {
  if (auto path = as_path(file)) {
    nb::gil_scoped_release release;
    mx::save(*path, arr);
    return;
  }
  require_file_object(file, "write", "save");
  file.attr("write")(to_bytes(npy_bytes(arr)));
}

/** The arrays of a savez call, in order, by name. */
nb::dict named_arrays(const nb::args& args, const nb::kwargs& kwargs) {
  nb::dict arrays;
  arrays.update(kwargs);
  for (size_t i = 0; i < args.size(); ++i) {
    std::string name = "arr_" + std::to_string(i);
    if (arrays.contains(name.c_str())) {
      throw std::invalid_argument("[savez] an array without a name would be called " + name +
                                  ", which is also the name of a keyword argument.");
    }
    arrays[name.c_str()] = args[i];
  }
  for (auto [name, a] : arrays) {
    if (!as_array(a)) {
      throw std::invalid_argument("[savez] expected arrays: got " +
                                  std::string(nb::inst_name(a).c_str()) + ".");
    }
  }
  return arrays;
}

void write_zip(nb::handle target, nb::dict arrays, bool compress) {
  nb::module_ zipfile = nb::module_::import_("zipfile");
  nb::object zip = zipfile.attr("ZipFile")(
      target, "w", zipfile.attr(compress ? "ZIP_DEFLATED" : "ZIP_STORED"), "allowZip64"_a = true);
  try {
    for (auto [name, a] : arrays) {
      std::string entry = nb::cast<std::string>(name) + ".npy";
      zip.attr("writestr")(entry, to_bytes(npy_bytes(*as_array(a))));
    }
  } catch (...) {
    zip.attr("close")();
    throw;
  }
  zip.attr("close")();
}

void save_zip(nb::object file, const nb::args& args, const nb::kwargs& kwargs, bool compress) {
  nb::dict arrays = named_arrays(args, kwargs);
  auto path = as_path(file);
  if (!path) {
    require_file_object(file, "write", "savez");
    return write_zip(file, arrays, compress);
  }
  if (!ends_with(*path, ".npz")) *path += ".npz";
  // Written beside and renamed, so a failed save leaves the old file whole.
  nb::module_ os = nb::module_::import_("os");
  std::string temporary =
      *path + "." + nb::cast<std::string>(nb::str(os.attr("getpid")())) + ".tmp";
  try {
    write_zip(nb::str(temporary.c_str()), arrays, compress);
    os.attr("replace")(temporary, *path);
  } catch (...) {
    if (nb::cast<bool>(os.attr("path").attr("exists")(temporary))) os.attr("remove")(temporary);
    throw;
  }
}

nb::dict load_zip(nb::handle source, mx::StreamOrDevice s) {
  nb::module_ zipfile = nb::module_::import_("zipfile");
  nb::object zip;
  try {
    zip = zipfile.attr("ZipFile")(source, "r");
  } catch (nb::python_error& error) {
    if (!error.matches(zipfile.attr("BadZipFile"))) throw;
    throw std::invalid_argument("[load] the npz file is no valid zip archive.");
  }
  nb::dict arrays;
  for (nb::handle entry : zip.attr("namelist")()) {
    auto name = nb::cast<std::string>(entry);
    std::string bytes;
    try {
      nb::object content = zip.attr("read")(entry);
      bytes.assign(PyBytes_AS_STRING(content.ptr()), PyBytes_GET_SIZE(content.ptr()));
    } catch (nb::python_error& error) {
      if (error.matches(PyExc_MemoryError)) throw;
      throw std::runtime_error("[load] the entry " + name + " of the npz file cannot be read: " +
                               std::string(nb::str(error.value()).c_str()));
    }
    if (ends_with(name, ".npy")) name.resize(name.size() - 4);
    arrays[name.c_str()] = mx::load(std::make_shared<MemoryReader>(std::move(bytes)), s);
  }
  zip.attr("close")();
  return arrays;
}

nb::object load_safetensors(mx::SafetensorsLoad loaded, bool return_metadata) {
  nb::object arrays = nb::cast(loaded.first);
  if (!return_metadata) return arrays;
  return nb::make_tuple(arrays, nb::cast(loaded.second));
}

std::string format_of(nb::handle file, const std::optional<std::string>& path) {
  std::string name = path ? *path : nb::cast<std::string>(nb::str(file.attr("name")));
  size_t dot = name.rfind('.');
  if (dot == std::string::npos) {
    throw std::invalid_argument("[load] the file format is not clear from the name '" + name +
                                "'; name it with format=.");
  }
  return name.substr(dot + 1);
}

nb::object load(nb::object file, std::optional<std::string> format, bool return_metadata,
                mx::StreamOrDevice s) {
  auto path = as_path(file);
  if (!path) require_file_object(file, "read", "load");
  std::string kind = format ? *format : format_of(file, path);
  if (return_metadata && kind != "safetensors" && kind != "gguf") {
    throw std::invalid_argument("[load] files of format " + kind + " have no metadata.");
  }
  if (kind == "safetensors") {
    if (path) return load_safetensors(mx::load_safetensors(*path, s), return_metadata);
    auto reader = std::make_shared<MemoryReader>(read_all(file, "load"));
    return load_safetensors(mx::load_safetensors(reader, s), return_metadata);
  }
  if (kind == "npz") {
    if (!path) return load_zip(file, s);
    if (!nb::cast<bool>(nb::module_::import_("os.path").attr("isfile")(file))) {
      throw std::invalid_argument("[load] cannot open file " + *path + ".");
    }
    return load_zip(nb::str(path->c_str()), s);
  }
  if (kind == "npy") {
    if (path) return wrap_array(mx::load(*path, s));
    return wrap_array(mx::load(std::make_shared<MemoryReader>(read_all(file, "load")), s));
  }
  if (kind == "gguf") return nb::cast(mx::load_gguf(path.value_or(""), s).first);
  throw std::invalid_argument("[load] unknown file format: got " + kind +
                              ", expected npy, npz or safetensors.");
}

void save_safetensors(nb::object file, nb::dict arrays, std::optional<nb::dict> metadata) {
  std::unordered_map<std::string, mx::array> named;
  for (auto [name, a] : arrays) {
    if (!PyUnicode_Check(name.ptr()) || !as_array(a)) {
      throw std::invalid_argument("[save_safetensors] expected arrays by name: got an entry of " +
                                  std::string(nb::inst_name(a).c_str()) + ".");
    }
    named.emplace(nb::cast<std::string>(name), *as_array(a));
  }
  std::unordered_map<std::string, std::string> notes;
  if (metadata) {
    for (auto [key, value] : *metadata) {
      if (!PyUnicode_Check(key.ptr()) || !PyUnicode_Check(value.ptr())) {
        throw std::invalid_argument("[save_safetensors] metadata must map strings to strings.");
      }
      notes.emplace(nb::cast<std::string>(key), nb::cast<std::string>(value));
    }
  }
  if (auto path = as_path(file)) {
    nb::gil_scoped_release release;
    mx::save_safetensors(*path, std::move(named), std::move(notes));
    return;
  }
  require_file_object(file, "write", "save_safetensors");
  auto writer = std::make_shared<MemoryWriter>();
  {
    nb::gil_scoped_release release;
    mx::save_safetensors(writer, std::move(named), std::move(notes));
  }
  file.attr("write")(to_bytes(writer->bytes()));
}

}  // namespace

void bind_io(nb::module_& m) {
  m.def("save", &save, "file"_a, "arr"_a,
        nb::sig("def save(file: file | str | pathlib.Path, arr: array) -> None"),
        "Saves an array in NumPy's npy format.");
  m.def(
      "savez",
      [](nb::object file, const nb::args& args, const nb::kwargs& kwargs) {
        save_zip(file, args, kwargs, false);
      },
      "file"_a, "args"_a, "kwargs"_a,
      nb::sig("def savez(file: file | str | pathlib.Path, *args, **kwargs)"),
      "Saves arrays by name in NumPy's npz format; those without a name are arr_0, arr_1, …");
  m.def(
      "savez_compressed",
      [](nb::object file, const nb::args& args, const nb::kwargs& kwargs) {
        save_zip(file, args, kwargs, true);
      },
      "file"_a, "args"_a, "kwargs"_a,
      nb::sig("def savez_compressed(file: file | str | pathlib.Path, *args, **kwargs)"),
      "The same as savez, compressed.");
  m.def("load", &load, nb::arg(), "format"_a = nb::none(), "return_metadata"_a = false,
        nb::kw_only(), "stream"_a = nb::none(),
        nb::sig("def load(file: file | str | pathlib.Path, /, format: str | None = None, "
                "return_metadata: bool = False, *, stream: StreamOrDevice = None) -> array | "
                "dict[str, array] | tuple[dict[str, array], dict[str, Any]]"),
        R"(
        Reads arrays from a file. Of an npy or safetensors file given by its path, the bytes are read
        when the arrays are evaluated.

        Args:
            file (file, str or pathlib.Path): A path, or a binary file object.
            format (str, optional): ``"npy"``, ``"npz"`` or ``"safetensors"``; by default the ending of
              the name.
            return_metadata (bool): Also return the notes of a safetensors file.

        Returns:
            array or dict or tuple(dict, dict): The array of an npy file, the arrays by name of the
            others, with the notes if asked for. Raises ``RuntimeError`` when the file cannot be read or
            is not what its header says, ``ValueError`` for an unknown format or a broken archive.
        )");
  m.def("save_safetensors", &save_safetensors, "file"_a, "arrays"_a, "metadata"_a = nb::none(),
        nb::sig("def save_safetensors(file: file | str | pathlib.Path, arrays: dict[str, array], "
                "metadata: dict[str, str] | None = None)"),
        "Saves arrays by name, and notes, in the safetensors format.");
}
