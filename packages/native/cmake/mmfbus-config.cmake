# find_package(mmfbus CONFIG REQUIRED PATHS <folder of this package>)
# target_link_libraries(program PRIVATE mmfbus::mmfbus)
if(NOT TARGET mmfbus::mmfbus)
  find_package(Threads REQUIRED)
  add_library(mmfbus::mmfbus INTERFACE IMPORTED)
  set_target_properties(mmfbus::mmfbus PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${CMAKE_CURRENT_LIST_DIR}/../include"
    INTERFACE_LINK_LIBRARIES Threads::Threads)
endif()
