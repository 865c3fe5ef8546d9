#pragma once

#include <cstdint>

// The structs of DLPack's binary interface, version 1: tensors handed from library to library in a
// capsule (dmlc.github.io/dlpack, "C API").
namespace weft::python::dlpack {

inline constexpr std::uint32_t kMajor = 1, kMinor = 0;
enum DeviceKind : std::int32_t { kCpu = 1, kCuda = 2, kCudaHost = 3 };
enum TypeCode : std::uint8_t { kInt = 0, kUInt = 1, kFloat = 2, kBfloat = 4, kBool = 6 };
inline constexpr std::uint64_t kReadOnly = 1, kCopied = 2;

struct Version {
  std::uint32_t major, minor;
};
struct DeviceId {
  std::int32_t kind, id;
};
struct DataType {
  std::uint8_t code, bits;
  std::uint16_t lanes;
};
struct Array {
  void* data;
  DeviceId device;
  std::int32_t rank;
  DataType type;
  std::int64_t* shape;
  std::int64_t* strides;  // in elements; null for row-major
  std::uint64_t byte_offset;
};

// Before version 1.
struct Managed {
  static constexpr const char *name = "dltensor", *used = "used_dltensor";
  Array array;
  void* context;
  void (*deleter)(Managed*);
};
struct ManagedVersioned {
  static constexpr const char *name = "dltensor_versioned", *used = "used_dltensor_versioned";
  Version version;
  void* context;
  void (*deleter)(ManagedVersioned*);
  std::uint64_t flags;
  Array array;
};

}  // namespace weft::python::dlpack
