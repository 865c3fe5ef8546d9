# Each bench/NAME.cpp is a program of its own, bench_NAME.
file(GLOB weft_benches CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/bench/*.cpp)
foreach(source IN LISTS weft_benches)
  cmake_path(GET source STEM name)
  add_executable(bench_${name} ${source})
  target_link_libraries(bench_${name} PRIVATE weft_static weft_build benchmark::benchmark)
  target_compile_options(bench_${name} PRIVATE -march=x86-64-v2)
endforeach()
