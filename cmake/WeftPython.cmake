# weft._weft, beside a link to the package: PYTHONPATH=build/<preset>/python imports it. pybind11
# comes from PyPI (scripts/python_venv.sh, or the isolated build of pip).
find_package(Python 3.10 REQUIRED COMPONENTS Interpreter Development.Module)
if(NOT pybind11_DIR)
  execute_process(COMMAND ${Python_EXECUTABLE} -m pybind11 --cmakedir
                  OUTPUT_VARIABLE pybind11_DIR OUTPUT_STRIP_TRAILING_WHITESPACE
                  COMMAND_ERROR_IS_FATAL ANY)
endif()
find_package(pybind11 3 REQUIRED CONFIG)

file(GLOB weft_python_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/python/src/*.cpp)
pybind11_add_module(weft_python NO_EXTRAS ${weft_python_sources})
target_link_libraries(weft_python PRIVATE weft_build weft_static)
target_compile_options(weft_python PRIVATE -march=x86-64-v2)
set_target_properties(weft_python PROPERTIES OUTPUT_NAME _weft LIBRARY_OUTPUT_DIRECTORY
                                             ${PROJECT_BINARY_DIR}/python/weft)
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/python/weft)
file(GLOB weft_package CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/python/weft
     ${PROJECT_SOURCE_DIR}/python/weft/*)
list(REMOVE_ITEM weft_package __pycache__)
foreach(entry IN LISTS weft_package)
  file(CREATE_LINK ${PROJECT_SOURCE_DIR}/python/weft/${entry}
       ${PROJECT_BINARY_DIR}/python/weft/${entry} SYMBOLIC)
endforeach()
install(TARGETS weft_python LIBRARY DESTINATION weft COMPONENT python)
target_link_options(weft_python PRIVATE -Wl,--exclude-libs,ALL -Wl,--gc-sections)
