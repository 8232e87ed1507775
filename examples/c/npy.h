/* Reads the .npy files of NumPy: a matrix of f32 or f16, row by row or column by column. 60 lines are enough. */
#ifndef PAUCA_EXAMPLE_NPY_H
#define PAUCA_EXAMPLE_NPY_H

#include <pauca.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Fills view with the matrix of a file. The memory is view->data, to be freed. Returns NULL, or what is wrong. */
static const char *npy_read(const char *path, pauca_view *view)
{
    unsigned char head[12];
    char text[65536];
    const char *at;
    unsigned long long rows, cols;
    size_t length, size, bytes;
    int by_column;
    void *data;
    FILE *file = fopen(path, "rb");
    if (!file) return "cannot be opened";
    if (fread(head, 1, 10, file) != 10 || memcmp(head, "\x93NUMPY", 6) != 0) {
        fclose(file);
        return "is no .npy file";
    }
    length = head[8] + 256u * head[9];
    if (head[6] >= 2) { /* versions 2 and 3 have a longer length */
        if (fread(head + 10, 1, 2, file) != 2 || head[10] || head[11]) {
            fclose(file);
            return "has a header that is too long";
        }
    }
    if (fread(text, 1, length, file) != length) {
        fclose(file);
        return "ends within its header";
    }
    text[length < sizeof text ? length : sizeof text - 1] = 0;
    memset(view, 0, sizeof *view);
    if (strstr(text, "'<f4'")) view->dtype = PAUCA_F32, size = 4;
    else if (strstr(text, "'<f2'")) view->dtype = PAUCA_F16, size = 2;
    else {
        fclose(file);
        return "holds other values than f32 or f16";
    }
    by_column = strstr(text, "'fortran_order': True") != NULL;
    at = strstr(text, "'shape': (");
    if (!at || sscanf(at, "'shape': (%llu, %llu)", &rows, &cols) != 2 || (cols && rows > SIZE_MAX / size / cols)) {
        fclose(file);
        return "is no matrix";
    }
    bytes = (size_t)rows * (size_t)cols * size;
    data = malloc(bytes ? bytes : 1);
    if (!data || fread(data, 1, bytes, file) != bytes) {
        free(data);
        fclose(file);
        return data ? "ends too early" : "does not fit into memory";
    }
    fclose(file);
    view->data = data;
    view->rows = rows;
    view->cols = cols;
    view->row_stride = by_column ? 1 : (int64_t)cols;
    view->col_stride = by_column ? (int64_t)rows : 1;
    return NULL;
}

#endif
