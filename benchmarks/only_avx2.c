/* Makes a process believe that its processor has AVX2 and nothing newer.
 *
 * Loaded with LD_PRELOAD on Linux x86-64. It asks the kernel to trap the CPUID instruction
 * (arch_prctl ARCH_SET_CPUID, for processors with CPUID faulting), answers each trap with the
 * true values less AVX-512, VNNI and AMX, and goes on behind the instruction. Runtimes then
 * choose the kernels they would choose on an AVX2 machine; the kernels run natively.
 */
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <dlfcn.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef ARCH_SET_CPUID
#define ARCH_SET_CPUID 0x1012
#endif
#define BIT(n) (1u << (n))

static void set_trap(int on) { syscall(SYS_arch_prctl, ARCH_SET_CPUID, !on); }

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
    *a &= ~(BIT(4) | BIT(5) | BIT(21));  /* AVX VNNI, AVX512 BF16, AMX FP16 */
    *d &= ~(BIT(4) | BIT(5) | BIT(10));  /* AVX VNNI INT8, NE CONVERT, VNNI INT16 */
  }
}

static void on_trap(int signal_number, siginfo_t *info, void *context) {
  (void)info;
  greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
  const uint8_t *at = (const uint8_t *)r[REG_RIP];
  if (at[0] != 0x0f || at[1] != 0xa2) { /* a real fault, not CPUID */
    signal(signal_number, SIG_DFL);
    return;
  }
  uint32_t leaf = (uint32_t)r[REG_RAX], sub = (uint32_t)r[REG_RCX];
  uint32_t a = leaf, b = 0, c = sub, d = 0;
  set_trap(0);
  __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
  set_trap(1);
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
  return next(number, started && number == SIGSEGV ? NULL : action, old);
}

__attribute__((constructor)) static void start(void) {
  struct sigaction action = {0};
  action.sa_sigaction = on_trap;
  action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK;
  sigaction(SIGSEGV, &action, NULL);
  started = 1;
  if (syscall(SYS_arch_prctl, ARCH_SET_CPUID, 0)) {
    perror("only_avx2: this processor or kernel cannot trap CPUID");
    exit(3);
  }
}
