/* Answers CPUID for libraries whose CPUID instructions only_avx2.py replaced: AVX2, nothing newer.
 *
 * Loaded with LD_PRELOAD on Linux x86-64. The byte 0xCE in place of the first of CPUID is INTO,
 * which 64-bit mode does not have, so that each place raises SIGILL. Here the true instruction
 * runs, its answer loses AVX-512, VNNI and AMX, and the program goes on behind it. Runtimes then
 * choose the kernels they would choose on an AVX2 machine; the kernels run natively.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdint.h>
#include <ucontext.h>

#define BIT(n) (1u << (n))

static void hide(uint32_t leaf, uint32_t sub, uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d) {
  if (leaf == 7 && sub == 0) {
    /* AVX512 F, DQ, IFMA, PF, ER, CD, BW, VL */
    *b &= ~(BIT(16) | BIT(17) | BIT(21) | BIT(26) | BIT(27) | BIT(28) | BIT(30) | BIT(31));
    /* AVX512 VBMI, VBMI2, VNNI, BITALG, VPOPCNTDQ */
    *c &= ~(BIT(1) | BIT(6) | BIT(11) | BIT(12) | BIT(14));
    /* AVX512 4VNNIW, 4FMAPS, VP2INTERSECT; AMX BF16; AVX512 FP16; AMX TILE, INT8 */
    *d &= ~(BIT(2) | BIT(3) | BIT(8) | BIT(22) | BIT(23) | BIT(24) | BIT(25));
  }
  if (leaf == 7 && sub == 1) {
    *a &= ~(BIT(4) | BIT(5) | BIT(21));           /* AVX VNNI, AVX512 BF16, AMX FP16 */
    *d &= ~(BIT(4) | BIT(5) | BIT(10) | BIT(19)); /* AVX VNNI INT8, NE CONVERT, VNNI INT16; AVX10 */
  }
}

static void on_trap(int signal_number, siginfo_t *info, void *context) {
  (void)info;
  greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
  const uint8_t *at = (const uint8_t *)r[REG_RIP];
  if (at[0] != 0xce || at[1] != 0xa2) { /* really an illegal instruction */
    signal(signal_number, SIG_DFL);
    return;
  }
  uint32_t leaf = (uint32_t)r[REG_RAX], sub = (uint32_t)r[REG_RCX];
  uint32_t a = leaf, b = 0, c = sub, d = 0;
  __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
  hide(leaf, sub, &a, &b, &c, &d);
  r[REG_RAX] = a;
  r[REG_RBX] = b;
  r[REG_RCX] = c;
  r[REG_RDX] = d;
  r[REG_RIP] += 2;
}

typedef int (*sigaction_type)(int, const struct sigaction *, struct sigaction *);

static int started;

/* Nobody else (Python's faulthandler, say) may take the signal the traps arrive by. */
int sigaction(int number, const struct sigaction *action, struct sigaction *old) {
  sigaction_type next = (sigaction_type)dlsym(RTLD_NEXT, "sigaction");
  return next(number, started && number == SIGILL ? NULL : action, old);
}

__attribute__((constructor)) static void start(void) {
  struct sigaction action = {0};
  action.sa_sigaction = on_trap;
  action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK;
  sigaction(SIGILL, &action, NULL);
  started = 1;
}
