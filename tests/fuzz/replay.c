/* Runs a fuzz target over every file of the folders given: a corpus replayed as an ordinary test.
 * Ends with the number of inputs; a folder without any is a failure, so a lost corpus shows. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path) {
    FILE *f = fopen(path, "rb");
    uint8_t *data = NULL;
    size_t len = 0, size = 0, n;

    if (!f)
        return -1;
    do {
        if (len == size) {
            size = size ? size * 2 : 4096;
            uint8_t *grown = realloc(data, size);
            if (!grown) {
                free(data);
                fclose(f);
                return -1;
            }
            data = grown;
        }
        n = fread(data + len, 1, size - len, f);
        len += n;
    } while (n > 0);
    fclose(f);
    /* an exact copy, so that the sanitizer sees a read past the end */
    uint8_t *exact = malloc(len ? len : 1);
    if (exact) {
        memcpy(exact, data, len);
        LLVMFuzzerTestOneInput(exact, len);
    }
    free(exact);
    free(data);
    return exact ? 0 : -1;
}

int main(int argc, char **argv) {
    size_t inputs = 0;

    for (int i = 1; i < argc; i++) {
        DIR *dir = opendir(argv[i]);
        struct dirent *entry;
        while (dir && (entry = readdir(dir)) != NULL) {
            char path[4096];
            if (entry->d_name[0] == '.')
                continue;
            snprintf(path, sizeof path, "%s/%s", argv[i], entry->d_name);
            if (replay_file(path) != 0) {
                fprintf(stderr, "%s: cannot read\n", path);
                return 1;
            }
            inputs++;
        }
        if (dir)
            closedir(dir);
    }
    if (inputs == 0) {
        fprintf(stderr, "no inputs found\n");
        return 1;
    }
    printf("%zu inputs\n", inputs);
    return 0;
}
