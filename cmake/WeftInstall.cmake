# cmake --install: headers, both libraries, and the package that find_package(weft) reads.
include(CMakePackageConfigHelpers)
set(weft_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/weft)

# A header that says "For .cpp files only" is the library's own, as all of cpu/ is.
file(GLOB weft_headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/weft.h)
foreach(folder core autograd ops nn data)
  file(GLOB_RECURSE found CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}
       ${PROJECT_SOURCE_DIR}/${folder}/*.h)
  list(APPEND weft_headers ${found})
endforeach()
foreach(header IN LISTS weft_headers)
  file(STRINGS ${PROJECT_SOURCE_DIR}/${header} private REGEX "For \\.cpp files only")
  if(NOT private)
    cmake_path(GET header PARENT_PATH folder)
    install(FILES ${PROJECT_SOURCE_DIR}/${header}
            DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/weft/${folder})
  endif()
endforeach()

foreach(kind static shared)
  install(TARGETS weft_${kind} EXPORT weft_${kind})
  install(EXPORT weft_${kind} NAMESPACE weft:: DESTINATION ${weft_package_dir}
          FILE weft-${kind}.cmake)
endforeach()

if(WEFT_CUDA_BUILT)
  install(TARGETS weft_cuda LIBRARY COMPONENT cuda)
endif()

if(BUILD_SHARED_LIBS)
  set(weft_default_kind shared)
else()
  set(weft_default_kind static)
endif()
configure_package_config_file(cmake/weftConfig.cmake.in ${PROJECT_BINARY_DIR}/weftConfig.cmake
                              INSTALL_DESTINATION ${weft_package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/weftConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/weftConfig.cmake ${PROJECT_BINARY_DIR}/weftConfigVersion.cmake
              cmake/FindoneDNN.cmake DESTINATION ${weft_package_dir})
