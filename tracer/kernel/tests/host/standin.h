/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What ring.c and timetrace/kernel.h need of the kernel, in user space, for
 * one CPU. Every primitive that orders or publishes something is a place where
 * the test may interrupt: interrupt() is called before and after it.
 */
#ifndef TIMETRACE_STANDIN_H
#define TIMETRACE_STANDIN_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <linux/types.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef int32_t s32;
/* As in the kernel: long long, so that formats and casts are checked alike. */
typedef unsigned long long u64;

#define BITS_PER_LONG 64
#define __LITTLE_ENDIAN 1234
#define PAGE_SIZE 4096ul
#define SZ_1G 0x40000000
#define ____cacheline_aligned __attribute__((aligned(64)))
#define __percpu
#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
#define noinline __attribute__((noinline))
#define __maybe_unused __attribute__((unused))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define ALIGN(x, a) (((x) + (a) - 1) & ~((__typeof__(x))(a) - 1))
#define min(a, b) ((a) < (b) ? (a) : (b))
#define clamp(x, a, b) min((x) < (a) ? (a) : (x), b)
#define min_t(t, a, b) ((t)(a) < (t)(b) ? (t)(a) : (t)(b))
#define swap(a, b) do { __typeof__(a) _t = (a); (a) = (b); (b) = _t; } while (0)
#define is_power_of_2(n) ((n) && !((n) & ((n) - 1)))

/* May run an interrupt or NMI handler here; see ring_host_test.c. */
#ifdef TT_NO_INTERRUPTS
#define interrupt() ((void)0)
#else
void interrupt(void);
#endif
extern bool irqs_off;

#define barrier() do { __asm__ volatile("" ::: "memory"); interrupt(); } while (0)
#define smp_wmb() barrier()
#define smp_load_acquire(p) (*(p))
#define smp_store_release(p, v) (*(p) = (v))
#define smp_rmb() barrier()
#define READ_ONCE(x) ({ interrupt(); *(volatile __typeof__(x) *)&(x); })
#define WRITE_ONCE(x, v) \
	do { interrupt(); *(volatile __typeof__(x) *)&(x) = (v); interrupt(); } while (0)
#define xchg(p, v) ({ interrupt(); __typeof__(*(p)) _o = *(p); *(p) = (v); interrupt(); _o; })

#define DECLARE_PER_CPU(t, name) extern t name
#define DEFINE_PER_CPU(t, name) t name
#define DECLARE_PER_CPU_ALIGNED(t, name) extern t name
#define DEFINE_PER_CPU_ALIGNED(t, name) t name ____cacheline_aligned
#define this_cpu_ptr(p) (p)
#define per_cpu_ptr(p, cpu) ((void)(cpu), (p))
#define this_cpu_read(x) READ_ONCE(x)
#define raw_cpu_read(x) READ_ONCE(x)
#define this_cpu_inc(x) ((x)++)
#define this_cpu_write(x, v) WRITE_ONCE(x, v)
#define this_cpu_sub(x, v) ((x) -= (v))
#define this_cpu_add(x, v) ({ interrupt(); (x) += (v); interrupt(); })
#define this_cpu_xchg(x, v) xchg(&(x), v)
#define this_cpu_add_return(x, v) \
	({ interrupt(); __typeof__(x) _n = ((x) += (v)); interrupt(); _n; })
#define smp_processor_id() 0
#define nr_cpu_ids 1
#define for_each_possible_cpu(cpu) for ((cpu) = 0; (cpu) < 1; (cpu)++)
#define for_each_online_cpu(cpu) for_each_possible_cpu(cpu)
#define cpu_online(cpu) true
#define cpu_to_node(cpu) (cpu)
#define cpus_read_lock() ((void)0)
#define cpus_read_unlock() ((void)0)
#define synchronize_rcu() ((void)0)
#define on_each_cpu(f, arg, wait) (f)(arg)
#define usleep_range(a, b) interrupt()
#define preempt_disable_notrace() ((void)0)
#define preempt_enable_notrace() ((void)0)
#define raw_local_irq_save(flags) \
	do { interrupt(); (flags) = irqs_off; irqs_off = true; } while (0)
#define raw_local_irq_restore(flags) do { irqs_off = (flags); interrupt(); } while (0)

u64 ktime_get_mono_fast_ns(void);

struct static_key_false { int on; };
#define STATIC_KEY_FALSE_INIT { 0 }
#define data_race(expression) (expression)
#define static_branch_unlikely(key) ((key)->on)
#define static_branch_likely(key) ((key)->on)
#define static_key_enabled(key) ((key)->on)
struct list_head { struct list_head *next, *prev; };
#define symbol_get(f) (&(f))
#define symbol_put(f) ((void)0)

#define GFP_KERNEL 0
#define __GFP_ZERO 0
#define __GFP_NOWARN 0
#define VM_MAP 0
#define PAGE_KERNEL 0
struct page { int unused; };
struct page *alloc_page(void);
#define alloc_pages_node(node, gfp, order) alloc_page()
#define __free_page(page) free(page)
#define get_zeroed_page(gfp) ((unsigned long)calloc(1, PAGE_SIZE))
#define free_page(page) free((void *)(page))
#define kvcalloc(n, size, gfp) calloc(n, size)
#define kvfree(p) free(p)
void *vmap(struct page **pages, unsigned long n, int flags, int prot);
void vunmap(void *area);

#endif /* TIMETRACE_STANDIN_H */
