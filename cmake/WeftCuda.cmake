# libweft_cuda: the CUDA back end, which libweft loads when a CUDA device is first asked for.
set(WEFT_CUDA AUTO CACHE STRING "Build the CUDA back end: ON, OFF, or AUTO (where a toolkit is)")
set_property(CACHE WEFT_CUDA PROPERTY STRINGS AUTO ON OFF)
set(WEFT_CUDA_BUILT FALSE)
if(WEFT_CUDA STREQUAL OFF OR (WEFT_CUDA STREQUAL AUTO AND WEFT_SANITIZE))
  return()
endif()

find_package(CUDAToolkit 12.4 QUIET)
find_package(cuDNN 9 QUIET)
if(NOT CUDAToolkit_FOUND OR NOT CUDAToolkit_NVCC_EXECUTABLE OR NOT cuDNN_FOUND)
  if(WEFT_CUDA STREQUAL ON)
    message(FATAL_ERROR "WEFT_CUDA=ON, but there is no CUDA toolkit 12.4 with cuDNN 9")
  endif()
  message(STATUS "CUDA: no toolkit 12.4 with cuDNN 9, building without")
  return()
endif()

set(CMAKE_CUDA_COMPILER ${CUDAToolkit_NVCC_EXECUTABLE})
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 80-real 90-real 90-virtual)
endif()
set(CMAKE_CUDA_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_CUDA_FLAGS_DEBUG "-O0 -g")
enable_language(CUDA)
# CMake 3.25 does not know how nvcc is asked for C++20.
if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
  set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
endif()
set(CMAKE_CUDA_STANDARD 20)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
if(CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${CMAKE_CXX_COMPILER_LAUNCHER})
endif()
message(STATUS "CUDA: ${CUDAToolkit_VERSION}, cuDNN ${cuDNN_VERSION}")
set(CMAKE_CUDA_VISIBILITY_PRESET hidden)
set(WEFT_CUDA_BUILT TRUE)

file(GLOB weft_cuda_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/cuda/*.cu
     ${PROJECT_SOURCE_DIR}/cuda/*.cpp)
# Of libweft it takes what is stateless (errors, names of dtypes): the rest comes to it as functions
# (core/cuda_plugin.h), and tests/structure/cuda_symbols.py sees to that.
add_library(weft_cuda SHARED ${weft_cuda_sources})
add_library(weft::weft_cuda ALIAS weft_cuda)
set_target_properties(weft_cuda PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION 0)
target_include_directories(weft_cuda PRIVATE ${weft_include})
target_link_libraries(weft_cuda PRIVATE weft_flags $<LINK_ONLY:weft_static> fmt::fmt cuDNN::cuDNN
                                        CUDA::cudart_static CUDA::cublasLt)
target_link_options(weft_cuda PRIVATE -Wl,--exclude-libs,ALL -Wl,-z,defs)
# --fmad=false: a product is rounded before it is added, as on the CPU; random numbers depend on it
# (core/random_recipes.h). What is bound by arithmetic is in the libraries. 1835: nvcc knows no TLS
# models, which no device code uses.
set(weft_cuda_flags --fmad=false --expt-relaxed-constexpr -diag-suppress 1835)
if(WEFT_WERROR)
  list(APPEND weft_cuda_flags -Werror all-warnings)
endif()
target_compile_options(weft_cuda PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:${weft_cuda_flags}>)
