/* A driver of CUDA that is none: its device memory is memory of the host. DRIVER_FAILS names a call that fails, DRIVER_LOG a
 * file that hears of all calls. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int said(const char *call, const void *stream)
{
    const char *log = getenv("DRIVER_LOG"), *fails = getenv("DRIVER_FAILS");
    FILE *file = log ? fopen(log, "a") : NULL;
    if (file) {
        fprintf(file, "%s %zu\n", call, (size_t)stream);
        fclose(file);
    }
    return fails && !strcmp(fails, call) ? 700 : 0;
}

int cuPointerGetAttribute(void *to, int attribute, size_t address)
{
    if (attribute != 1 || !address) return 1;
    *(void **)to = (void *)0x77;
    return said("cuPointerGetAttribute", NULL);
}
int cuCtxPushCurrent_v2(void *context) { return context == (void *)0x77 ? said("cuCtxPushCurrent", NULL) : 201; }
int cuCtxPopCurrent_v2(void **context)
{
    *context = (void *)0x77;
    return said("cuCtxPopCurrent", NULL);
}
int cuMemcpyDtoHAsync_v2(void *to, size_t from, size_t bytes, void *stream)
{
    memcpy(to, (const void *)from, bytes);
    return said("cuMemcpyDtoHAsync", stream);
}
int cuStreamSynchronize(void *stream) { return said("cuStreamSynchronize", stream); }
int cuGetErrorName(int code, const char **name)
{
    *name = code == 700 ? "CUDA_ERROR_ILLEGAL_ADDRESS" : NULL;
    return code == 700 ? 0 : 1;
}
