#!/usr/bin/env bash
# Installs libpauca under a prefix: headers, shared and static library, pkg-config file, CMake package. What is installed
# may be moved as a whole.
#
#     bindings-c/install.sh PREFIX               builds the release library with cargo, then installs it
#     bindings-c/install.sh PREFIX --from DIR    installs libpauca_c.so and libpauca_c.a of DIR, built before
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
[ $# -ge 1 ] || { sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2; }
prefix=$1 from=
if [ $# = 3 ] && [ "$2" = --from ]; then
    from=$3
elif [ $# != 1 ]; then
    echo "install.sh: unknown argument: $2" >&2
    exit 2
fi

if [ -z "$from" ]; then
    # The same target folder as every other build, wherever CARGO_TARGET_DIR or a configuration puts it.
    cargo build --release --manifest-path "$here/Cargo.toml"
    from=$(cargo metadata --no-deps --format-version 1 --manifest-path "$here/Cargo.toml" |
        sed -E 's/.*"target_directory":"([^"]*)".*/\1/')/release
fi
# Versions have one home: Cargo.toml of the package, or of the workspace that it takes its own from.
version=$(cat "$here/Cargo.toml" "$here/../Cargo.toml" 2> /dev/null | sed -nE 's/^version = "([0-9.]+)"$/\1/p' | head -1)
abi=${version%%.*}

# Debug lines are for who works on the library: without them it is a tenth of the size. STRIP=: keeps them.
smaller() { # smaller FLAG FILE
    if command -v "${STRIP:=strip}" > /dev/null; then "$STRIP" "$1" "$2"; fi
}

mkdir -p "$prefix/include" "$prefix/lib/pkgconfig" "$prefix/lib/cmake/pauca"
install -m 644 "$here/include/pauca.h" "$here/include/pauca.hpp" "$prefix/include"
install -m 644 "$from/libpauca_c.a" "$prefix/lib/libpauca.a"
smaller -S "$prefix/lib/libpauca.a"
case $(uname -s) in
Darwin)
    shared=libpauca.$version.dylib
    install -m 755 "$from/libpauca_c.dylib" "$prefix/lib/$shared"
    smaller -x "$prefix/lib/$shared"
    ln -sf "$shared" "$prefix/lib/libpauca.$abi.dylib"
    ln -sf "$shared" "$prefix/lib/libpauca.dylib"
    private=
    ;;
*)
    shared=libpauca.so.$version
    install -m 755 "$from/libpauca_c.so" "$prefix/lib/$shared"
    smaller --strip-unneeded "$prefix/lib/$shared"
    ln -sf "$shared" "$prefix/lib/libpauca.so.$abi"
    ln -sf "$shared" "$prefix/lib/libpauca.so"
    # What rustc --print native-static-libs names.
    private="-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc"
    ;;
esac

cat > "$prefix/lib/pkgconfig/pauca.pc" <<END
prefix=\${pcfiledir}/../..
libdir=\${prefix}/lib
includedir=\${prefix}/include

Name: pauca
Description: Exact, reproducible clustering, deduplication and selection of training data
URL: https://github.com/pauca/pauca
Version: $version
Libs: -L\${libdir} -lpauca
Libs.private: $private
Cflags: -I\${includedir}
END

cat > "$prefix/lib/cmake/pauca/paucaConfig.cmake" <<END
# Targets: pauca::pauca (shared) and pauca::pauca_static.
get_filename_component(_pauca_prefix "\${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
if(NOT TARGET pauca::pauca)
    add_library(pauca::pauca SHARED IMPORTED)
    set_target_properties(pauca::pauca PROPERTIES
        IMPORTED_LOCATION "\${_pauca_prefix}/lib/$shared"
        IMPORTED_SONAME "$([ "$(uname -s)" = Darwin ] && echo "@rpath/libpauca.$abi.dylib" || echo "libpauca.so.$abi")"
        INTERFACE_INCLUDE_DIRECTORIES "\${_pauca_prefix}/include")
    add_library(pauca::pauca_static STATIC IMPORTED)
    set_target_properties(pauca::pauca_static PROPERTIES
        IMPORTED_LOCATION "\${_pauca_prefix}/lib/libpauca.a"
        INTERFACE_INCLUDE_DIRECTORIES "\${_pauca_prefix}/include"
        INTERFACE_LINK_LIBRARIES "$(echo $private | sed 's/-l//g; s/ /;/g')")
endif()
unset(_pauca_prefix)
END

cat > "$prefix/lib/cmake/pauca/paucaConfigVersion.cmake" <<END
set(PACKAGE_VERSION "$version")
if(PACKAGE_FIND_VERSION VERSION_GREATER PACKAGE_VERSION)
    set(PACKAGE_VERSION_COMPATIBLE FALSE)
elseif(PACKAGE_FIND_VERSION_MAJOR STREQUAL "$abi")
    set(PACKAGE_VERSION_COMPATIBLE TRUE)
    if(PACKAGE_FIND_VERSION STREQUAL PACKAGE_VERSION)
        set(PACKAGE_VERSION_EXACT TRUE)
    endif()
else()
    set(PACKAGE_VERSION_COMPATIBLE FALSE)
endif()
END
echo "pauca $version is installed under $prefix"
