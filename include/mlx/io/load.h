// Readers and writers of array files: an abstract interface, and files on disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ios>
#include <string>

#include "mlx/api.h"

namespace mlx::core::io {

class MLX_API Reader {
 public:
  virtual ~Reader() = default;
  virtual bool is_open() const = 0;
  virtual bool good() const = 0;
  virtual size_t tell() = 0;
  virtual void seek(int64_t off, std::ios_base::seekdir way = std::ios_base::beg) = 0;
  /** Reads exactly `n` bytes at the position; raises when there are fewer. */
  virtual void read(char* data, size_t n) = 0;
  /** Reads exactly `n` bytes at `offset` without moving the position. */
  virtual void read(char* data, size_t n, size_t offset) = 0;
  /** What is read, for error messages. */
  virtual std::string label() const = 0;
};

class MLX_API Writer {
 public:
  virtual ~Writer() = default;
  virtual bool is_open() const = 0;
  virtual bool good() const = 0;
  virtual size_t tell() = 0;
  virtual void seek(int64_t off, std::ios_base::seekdir way = std::ios_base::beg) = 0;
  virtual void write(const char* data, size_t n) = 0;
  virtual std::string label() const = 0;
  virtual void open() {}
  /** Called once everything is written. */
  virtual void commit() {}
};

/** A file on disk; reads at an offset may come from several threads at once. */
class MLX_API ParallelFileReader : public Reader {
 public:
  explicit ParallelFileReader(std::string path);
  ~ParallelFileReader() override;
  ParallelFileReader(const ParallelFileReader&) = delete;
  ParallelFileReader& operator=(const ParallelFileReader&) = delete;

  bool is_open() const override { return fd_ >= 0; }
  bool good() const override { return is_open(); }
  size_t tell() override;
  void seek(int64_t off, std::ios_base::seekdir way = std::ios_base::beg) override;
  void read(char* data, size_t n) override;
  void read(char* data, size_t n, size_t offset) override;
  std::string label() const override { return "file " + path_; }

 private:
  int fd_;
  std::string path_;
};

/** Writes beside the named file and takes its place on commit, so a failed save leaves it as it
 * was. */
class MLX_API FileWriter : public Writer {
 public:
  FileWriter() = default;
  explicit FileWriter(std::string path) : path_(std::move(path)) {}
  ~FileWriter() override;
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  void open() override;
  bool is_open() const override { return fd_ >= 0; }
  bool good() const override { return is_open(); }
  size_t tell() override;
  void seek(int64_t off, std::ios_base::seekdir way = std::ios_base::beg) override;
  void write(const char* data, size_t n) override;
  void commit() override;
  std::string label() const override { return "file " + path_; }

 private:
  int fd_ = -1;
  std::string path_;
  std::string temporary_path_;
};

}  // namespace mlx::core::io
