/* What a program that links libpauca without Rust's standard library must have. */
#ifndef PAUCA_HOST_H
#define PAUCA_HOST_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Memory of size bytes, aligned to align (a power of two), or NULL: then the call returns PAUCA_OUT_OF_MEMORY. From any
 * thread that calls the library. */
void *pauca_host_alloc(size_t size, size_t align);

/* Takes memory back. */
void pauca_host_free(void *memory, size_t size, size_t align);

/* Hears of a defect of the library. The message is not closed by 0. Must not return. */
#if defined(__cplusplus)
[[noreturn]]
#else
_Noreturn
#endif
void pauca_host_panic(const char *message, size_t length);

#ifdef __cplusplus
}
#endif

#endif
