# libweft from every source of the folders below. The objects are compiled once and make both the
# static and the shared library.
set(weft_folders core autograd ops cpu nn data)

# Sources include <weft/core/tensor.h> as users do: the link makes that name for the tree.
set(weft_include ${PROJECT_BINARY_DIR}/include)
file(MAKE_DIRECTORY ${weft_include})
file(CREATE_LINK ${PROJECT_SOURCE_DIR} ${weft_include}/weft SYMBOLIC)

set(weft_sources)
foreach(folder IN LISTS weft_folders)
  file(GLOB_RECURSE found CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.cpp)
  list(APPEND weft_sources ${found})
endforeach()
set(weft_isa_sources ${weft_sources})
list(FILTER weft_isa_sources INCLUDE REGEX "/cpu/isa/")
list(FILTER weft_sources EXCLUDE REGEX "/cpu/isa/")

# What libweft itself needs; users of the static library get it through the package.
set(weft_needs oneDNN::oneDNN OpenMP::OpenMP_CXX Threads::Threads ZLIB::ZLIB fmt::fmt)

add_library(weft_build INTERFACE)
target_include_directories(weft_build SYSTEM INTERFACE
                           $<TARGET_PROPERTY:Eigen3::Eigen,INTERFACE_INCLUDE_DIRECTORIES>)
target_include_directories(weft_build INTERFACE ${weft_include})
target_compile_definitions(weft_build INTERFACE EIGEN_DONT_PARALLELIZE EIGEN_MPL2_ONLY)
target_link_libraries(weft_build INTERFACE weft_flags ${weft_needs} nlohmann_json::nlohmann_json
                                          stb::stb)

add_library(weft_objects OBJECT ${weft_sources})
target_link_libraries(weft_objects PRIVATE weft_build)
target_compile_options(weft_objects PRIVATE -march=x86-64-v2)
set_source_files_properties(cpu/config.cpp PROPERTIES COMPILE_DEFINITIONS
                                                      WEFT_VERSION="${PROJECT_VERSION}")
set(weft_all_objects $<TARGET_OBJECTS:weft_objects>)

# Files in cpu/isa are compiled once for each instruction set. WEFT_ISA names their namespace and
# Eigen's is renamed, so that the linker never takes one set's code for another's
# (tests/structure/isa_symbols.py looks). They are optimised in every build: what is inlined makes
# no symbol, and nobody steps through them. Never -ffast-math: NaN and infinity count.
function(weft_add_isa name march)
  if(NOT weft_isa_sources)
    return()
  endif()
  add_library(weft_isa_${name} OBJECT ${weft_isa_sources})
  target_link_libraries(weft_isa_${name} PRIVATE weft_build)
  target_compile_definitions(weft_isa_${name} PRIVATE WEFT_ISA=${name} Eigen=Eigen_${name})
  target_compile_options(weft_isa_${name} PRIVATE -march=${march} ${ARGN} -O3 -fno-math-errno
                                                  -fno-trapping-math)
  set(weft_all_objects ${weft_all_objects} $<TARGET_OBJECTS:weft_isa_${name}> PARENT_SCOPE)
endfunction()
weft_add_isa(v2 x86-64-v2)
weft_add_isa(avx2 x86-64-v3)
# GCC 12 finds its own AVX-512 header wanting (its bug 105593).
weft_add_isa(avx512 x86-64-v4 -mprefer-vector-width=512 -Wno-maybe-uninitialized -Wno-uninitialized)

function(weft_add_library kind)
  string(TOLOWER weft_${kind} target)
  add_library(${target} ${kind} ${weft_all_objects})
  add_library(weft::${target} ALIAS ${target})
  set_target_properties(${target} PROPERTIES OUTPUT_NAME weft LINKER_LANGUAGE CXX VERSION
                                             ${PROJECT_VERSION} SOVERSION 0)
  target_include_directories(${target} INTERFACE $<BUILD_INTERFACE:${weft_include}>
                                                 $<INSTALL_INTERFACE:include>)
  target_compile_features(${target} INTERFACE cxx_std_20)
  target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:weft_flags> ${weft_needs} ${CMAKE_DL_LIBS})
endfunction()
weft_add_library(STATIC)
weft_add_library(SHARED)
target_compile_definitions(weft_static INTERFACE WEFT_STATIC)
if(BUILD_SHARED_LIBS)
  add_library(weft::weft ALIAS weft_shared)
else()
  add_library(weft::weft ALIAS weft_static)
endif()
