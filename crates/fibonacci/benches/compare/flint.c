/* FLINT's F(n) in decimal, for src/main.rs: reads n, writes the seconds one call takes. */
#include <flint/fmpz.h>
#include <flint/arith.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void call(unsigned long n) {
    fmpz_t f;
    fmpz_init(f);
    fmpz_fib_ui(f, n);
    flint_free(fmpz_get_str(NULL, 10, f));
    fmpz_clear(f);
}

int main(void) {
    unsigned long n;
    while (scanf("%lu", &n) == 1) {
        unsigned long calls = 0;
        double start = now(), elapsed;
        do {
            call(n);
            calls++;
            elapsed = now() - start;
        } while (elapsed < 0.02);
        start = now();
        for (unsigned long i = 0; i < calls; i++) call(n);
        printf("%.12f\n", (now() - start) / (double)calls);
        fflush(stdout);
    }
    return 0;
}
