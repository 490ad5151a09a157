/* The executor: orders, fibers, barriers and shuffles; see executor.h.
 *
 * A fiber runs threads, one after the other, until one has to wait; then it belongs to that thread until the thread is
 * done. So as many fibers are made as threads wait at once, and they are kept. */
#include "executor.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#if !WCT_ASAN
#  include <link.h>
#else
#  include <sanitizer/common_interface_defs.h>
#endif

#if defined __x86_64__ && !defined WCT_EXECUTOR_UCONTEXT
#  define OWN_SWITCH 1
#else
#  define OWN_SWITCH 0
#  include <ucontext.h>
#endif

#define THREADS_MAX 1024
#define WARPS_MAX   (THREADS_MAX / wct_warp_size)
#define STACK_BYTES ((size_t)(WCT_ASAN ? 256 : 64) * 1024) /* ASan's frames are larger */

uint3 threadIdx, blockIdx;
dim3  blockDim, gridDim;
void *(*wct_executor_reach) (const void *stream, const void *pointer);

namespace
{

struct Fiber
{
#if OWN_SWITCH
  void *stack_pointer; /* while it does not run */
#else
  ucontext_t context;
#endif
  void  *stack; /* the lowest byte */
  size_t size;
  void  *fake_stack; /* ASan's, while it does not run */
};

enum State
{
  UNSTARTED,
  READY, /* it waited, and may go on */
  RUNNING,
  AT_BARRIER,
  AT_SHUFFLE,
  DONE
};

struct Thread
{
  State    state;
  Fiber   *fiber;    /* while it waits */
  WctPlace place;    /* where it waits */
  unsigned shuffles; /* that it has come to */
  uint3    index;
};

/* Numbers 0 … count - 1, each once. */
struct Walk
{
  uint64_t count, position, step, left;
};

enum Order
{
  FORWARD,
  REVERSE,
  SHUFFLE
};

/* Everything about the kernel that runs: there is one at a time. */
struct Machine
{
  const WctLaunch *launch;
  Order            order;
  uint64_t         random;

  Thread   threads[THREADS_MAX]; /* of the block */
  unsigned count, done, ready, at_barrier;
  unsigned current;
  Walk     walk; /* over the threads, from one barrier to the next */
  bool     waited;

  unsigned arrived[WARPS_MAX]; /* at a shuffle */
  uint64_t carried[2]
                  [THREADS_MAX]; /* by turns: who comes to the next shuffle has read, who comes to this may not have */

  Fiber  main;
  Fiber  fibers[THREADS_MAX];
  Fiber *idle[THREADS_MAX];
  int    fiber_count, idle_count;
  Fiber *running, *before;
};

Machine         machine;
pthread_mutex_t machine_lock = PTHREAD_MUTEX_INITIALIZER;
const char     *last_kernel = "no kernel";

/* ---- Complaints -------------------------------------------------------------------------------------------------- */

[[noreturn]] void give_up (const char *format, ...) __attribute__ ((format (printf, 1, 2)));

void
give_up (const char *format, ...)
{
  va_list arguments;

  fprintf (stderr, "kernel %s: ", last_kernel);
  va_start (arguments, format);
  vfprintf (stderr, format, arguments);
  va_end (arguments);
  fputc ('\n', stderr);
  abort ();
}

/* "thread (3, 0, 0) waits at the barrier in a.cu:17" */
const char *
describe (const Thread *thread, char (&text)[320])
{
  const char *does = thread->state == AT_BARRIER   ? "waits at the barrier in"
                     : thread->state == AT_SHUFFLE ? "waits at the shuffle in"
                                                   : "has left the kernel";
  const bool  waits = thread->state == AT_BARRIER || thread->state == AT_SHUFFLE;
  const int   length =
    snprintf (text, sizeof text, "thread (%u, %u, %u) %s", thread->index.x, thread->index.y, thread->index.z, does);

  if (waits)
    snprintf (text + length, sizeof text - (size_t)length, " %.200s:%d", thread->place.file, thread->place.line);
  return text;
}

[[noreturn]] void
refuse_pair (const Thread *one, const Thread *other, const char *rule)
{
  char text[320], other_text[320];

  give_up ("in block (%u, %u, %u), %s, and %s: %s", blockIdx.x, blockIdx.y, blockIdx.z, describe (one, text),
           describe (other, other_text), rule);
}

bool
same_place (const Thread *one, const Thread *other)
{
  return one->place.line == other->place.line && strcmp (one->place.file, other->place.file) == 0;
}

/* ---- Orders ------------------------------------------------------------------------------------------------------ */

/* SplitMix64. */
uint64_t
draw (uint64_t *random)
{
  uint64_t z = *random += 0x9E3779B97F4A7C15u;

  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return z ^ z >> 31;
}

bool
have_common_factor (uint64_t a, uint64_t b)
{
  while (b != 0)
    {
      const uint64_t rest = a % b;

      a = b;
      b = rest;
    }
  return a != 1;
}

/* Steps of a size that has no factor in common with the count come by everywhere. */
Walk
new_walk (uint64_t count)
{
  Walk walk = { count, 0, 1, count };

  if (machine.order == REVERSE)
    {
      walk.position = count - 1;
      walk.step = count - 1;
    }
  else if (machine.order == SHUFFLE)
    {
      walk.position = draw (&machine.random) % count;
      do
        walk.step = draw (&machine.random) % count + 1;
      while (have_common_factor (walk.step, count));
    }
  return walk;
}

uint64_t
next_of_walk (Walk *walk)
{
  const uint64_t number = walk->position;

  walk->position += walk->step;
  if (walk->position >= walk->count)
    walk->position -= walk->count;
  walk->left--;
  return number;
}

void
read_order (void)
{
  const char *text = getenv ("WCT_EXECUTOR_ORDER");

  machine.order = FORWARD;
  if (text == NULL || *text == '\0' || strcmp (text, "forward") == 0)
    return;
  if (strcmp (text, "reverse") == 0)
    machine.order = REVERSE;
  else if (strncmp (text, "shuffle", 7) == 0 && (text[7] == '\0' || text[7] == ':'))
    {
      machine.order = SHUFFLE;
      machine.random = text[7] == ':' ? strtoull (text + 8, NULL, 10) : 1;
    }
  else
    give_up ("$WCT_EXECUTOR_ORDER is forward, reverse, shuffle or shuffle:SEED, not '%s'", text);
}

/* ---- Shared memory ----------------------------------------------------------------------------------------------- */

#if WCT_ASAN

void
spoil_shared_memory (void)
{
}

void
note_shared_memory (void)
{
}

#else

/* All bytes of the thread-local variables of this module, from so far before one of them. */
struct SharedMemory
{
  bool found;
  uintptr_t before;
  size_t size;
};

/* All bits where the memory is spoiled and was not used since; in a new thread it is 0. It is one of the bytes. */
thread_local unsigned char spoiled;

int
find_thread_locals (struct dl_phdr_info *info, size_t, void *data)
{
  const uintptr_t own = (uintptr_t)&machine;
  const ElfW (Phdr) *locals = NULL;
  bool is_own = false;

  for (int i = 0; i < info->dlpi_phnum; i++)
    {
      const ElfW (Phdr) *part = &info->dlpi_phdr[i];

      if (part->p_type == PT_LOAD && own - (info->dlpi_addr + part->p_vaddr) < part->p_memsz)
        is_own = true;
      if (part->p_type == PT_TLS)
        locals = part;
    }
  if (!is_own || locals == NULL)
    return 0;
  if (locals->p_filesz != 0)
    give_up ("the module has thread-local variables that begin with a value; none but WCT_SHARED may be there");

  SharedMemory *memory = static_cast<SharedMemory *> (data);
  memory->found = true;
  memory->before = (uintptr_t)&spoiled - (uintptr_t)info->dlpi_tls_data;
  memory->size = locals->p_memsz;
  return 1;
}

/* All bits: a NaN as float, double, half and brain, and -1 as int. */
void
spoil_shared_memory (void)
{
  static SharedMemory memory;

  if (spoiled != 0)
    return;
  if (!memory.found)
    dl_iterate_phdr (find_thread_locals, &memory);
  if (!memory.found)
    give_up ("the module's thread-local variables cannot be found");
  memset (reinterpret_cast<void *> ((uintptr_t)&spoiled - memory.before), 0xFF, memory.size);
}

/* Without having waited, a thread can do nothing with shared memory. */
void
note_shared_memory (void)
{
  if (machine.waited)
    spoiled = 0;
}

#endif

/* ---- Fibers ------------------------------------------------------------------------------------------------------ */

[[noreturn]] void run_threads (void);

#if OWN_SWITCH

/* Saves what a function must preserve on the stack that it leaves, and takes it from the other. */
extern "C" void wct_executor_jump (void **save, void *to) __attribute__ ((visibility ("hidden")));

__asm__(R"(
.pushsection .text
.p2align 4
.globl wct_executor_jump
.hidden wct_executor_jump
.type wct_executor_jump, @function
wct_executor_jump:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size wct_executor_jump, . - wct_executor_jump
.popsection
)");

#  define SAVED_REGISTERS 6

/* As if run_threads had been called and had jumped away at once: its return address would be the topmost word. */
void
prepare (Fiber *fiber)
{
  void **top = reinterpret_cast<void **> (static_cast<char *> (fiber->stack) + fiber->size);

  *--top = NULL;
  *--top = reinterpret_cast<void *> (run_threads);
  for (int i = 0; i < SAVED_REGISTERS; i++)
    *--top = NULL;
  fiber->stack_pointer = top;
}

void
jump (Fiber *from, Fiber *to)
{
  wct_executor_jump (&from->stack_pointer, to->stack_pointer);
}

#else

void
prepare (Fiber *fiber)
{
  getcontext (&fiber->context);
  fiber->context.uc_stack.ss_sp = fiber->stack;
  fiber->context.uc_stack.ss_size = fiber->size;
  fiber->context.uc_link = NULL;
  makecontext (&fiber->context, run_threads, 0);
}

void
jump (Fiber *from, Fiber *to)
{
  swapcontext (&from->context, &to->context);
}

#endif

/* Behind each jump, on the stack that it led to. */
void
arrive (void)
{
#if WCT_ASAN
  const void *stack;
  size_t      size;

  __sanitizer_finish_switch_fiber (machine.running->fake_stack, &stack, &size);
  if (machine.before == &machine.main)
    {
      machine.main.stack = const_cast<void *> (stack);
      machine.main.size = size;
    }
#endif
}

void
switch_fiber (Fiber *to)
{
  Fiber *from = machine.running;

  machine.running = to;
  machine.before = from;
#if WCT_ASAN
  __sanitizer_start_switch_fiber (&from->fake_stack, to->stack, to->size);
#endif
  jump (from, to);
  arrive ();
}

/* A page below the stack cannot be touched. */
Fiber *
new_fiber (void)
{
  const size_t page = (size_t)sysconf (_SC_PAGESIZE);
  Fiber       *fiber = &machine.fibers[machine.fiber_count++];
  void        *memory =
    mmap (NULL, STACK_BYTES + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

  if (memory == MAP_FAILED || mprotect (memory, page, PROT_NONE) != 0)
    give_up ("no memory for the stacks of its threads");
  fiber->stack = static_cast<char *> (memory) + page;
  fiber->size = STACK_BYTES;
  prepare (fiber);
  return fiber;
}

Fiber *
take_idle_fiber (void)
{
  return machine.idle_count > 0 ? machine.idle[--machine.idle_count] : new_fiber ();
}

/* ---- Threads ----------------------------------------------------------------------------------------------------- */

/* Some wait, and none can go on: says why. */
[[noreturn]] void
explain_standstill (void)
{
  const Thread *waiting = NULL;

  for (unsigned i = 0; i < machine.count; i++)
    if (machine.threads[i].state == AT_SHUFFLE)
      {
        for (unsigned j = i & ~(wct_warp_size - 1); j < machine.count; j++)
          if (machine.threads[j].state != AT_SHUFFLE)
            refuse_pair (&machine.threads[i], &machine.threads[j], "all threads of a warp must come to a shuffle");
      }
    else if (machine.threads[i].state == AT_BARRIER)
      waiting = &machine.threads[i];
  for (unsigned i = 0; i < machine.count; i++)
    if (machine.threads[i].state == DONE)
      refuse_pair (waiting, &machine.threads[i], "all threads of a block must come to a barrier");
  give_up ("no thread can go on"); /* cannot be */
}

void
open_barrier (void)
{
  for (unsigned i = 1; i < machine.count; i++)
    if (!same_place (&machine.threads[0], &machine.threads[i]))
      refuse_pair (&machine.threads[0], &machine.threads[i], "all threads of a block must come to the same barrier");
  for (unsigned i = 0; i < machine.count; i++)
    machine.threads[i].state = READY;
  machine.ready = machine.count;
  machine.at_barrier = 0;
}

/* The next that can run; negative where all are done. */
int
next_thread (void)
{
  for (;;)
    {
      while (machine.walk.left > 0)
        {
          const unsigned number = (unsigned)next_of_walk (&machine.walk);

          if (machine.threads[number].state <= READY)
            return (int)number;
        }
      if (machine.done == machine.count)
        return -1;
      if (machine.at_barrier == machine.count)
        open_barrier ();
      if (machine.ready == 0)
        explain_standstill ();
      machine.walk = new_walk (machine.count);
    }
}

void
enter (unsigned number)
{
  Thread *thread = &machine.threads[number];

  thread->state = RUNNING;
  machine.current = number;
  threadIdx = thread->index;
}

/* Goes on with that thread, on its fiber, and comes back when somebody goes on with this one. */
void
go_to (unsigned number)
{
  Thread *thread = &machine.threads[number];

  if (thread->state == READY)
    machine.ready--;
  else
    thread->fiber = take_idle_fiber ();
  enter (number);
  if (thread->fiber != machine.running)
    switch_fiber (thread->fiber);
}

/* What a fiber does: the thread that it was started for; then others, as long as there are some that nobody began. */
void
run_threads (void)
{
  arrive ();
  for (;;)
    {
      Fiber *own = machine.running;

      machine.launch->call (machine.launch->data);
      machine.threads[machine.current].state = DONE;
      machine.done++;

      const int next = next_thread ();
      if (next >= 0 && machine.threads[next].state == UNSTARTED)
        {
          enter ((unsigned)next);
          continue;
        }
      machine.idle[machine.idle_count++] = own;
      if (next >= 0)
        go_to ((unsigned)next);
      else
        switch_fiber (&machine.main);
    }
}

void
wait_for_others (State state)
{
  Thread *thread = &machine.threads[machine.current];

  machine.waited = true;
  thread->state = state;
  thread->fiber = machine.running;
  go_to ((unsigned)next_thread ());
}

/* ---- Blocks ------------------------------------------------------------------------------------------------------ */

void
run_block (void)
{
  for (unsigned i = 0; i < machine.count; i++)
    {
      machine.threads[i].state = UNSTARTED;
      machine.threads[i].shuffles = 0;
    }
  machine.done = 0;
  machine.waited = false;
  machine.walk = new_walk (machine.count);
  machine.running = &machine.main;
  spoil_shared_memory ();
  go_to ((unsigned)next_thread ());
  note_shared_memory ();
}

uint3
index_of (uint64_t number, dim3 size)
{
  const uint64_t row = number / size.x;

  return { (unsigned)(number % size.x), (unsigned)(row % size.y), (unsigned)(row / size.y) };
}

/* What every card since 2010 takes. */
void
check_sizes (dim3 grid, dim3 block)
{
  if (block.x == 0 || block.y == 0 || block.z == 0 || block.x > THREADS_MAX || block.y > THREADS_MAX || block.z > 64
      || block.x * block.y * block.z > THREADS_MAX)
    give_up ("blocks of %u x %u x %u threads: no card takes them", block.x, block.y, block.z);
  if (grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.x > 0x7FFFFFFF || grid.y > 65535 || grid.z > 65535)
    give_up ("a grid of %u x %u x %u blocks: no card takes it", grid.x, grid.y, grid.z);
}

} // namespace

/* ---- Public ------------------------------------------------------------------------------------------------------ */

void
wct_executor_run (const WctLaunch *launch)
{
  pthread_mutex_lock (&machine_lock);
  last_kernel = launch->kernel;
  check_sizes (launch->grid, launch->block);
  read_order ();
  machine.launch = launch;
  machine.count = launch->block.x * launch->block.y * launch->block.z;
  for (unsigned i = 0; i < machine.count; i++)
    machine.threads[i].index = index_of (i, launch->block);
  gridDim = launch->grid;
  blockDim = launch->block;

  Walk blocks = new_walk ((uint64_t)gridDim.x * gridDim.y * gridDim.z);
  while (blocks.left > 0)
    {
      blockIdx = index_of (next_of_walk (&blocks), gridDim);
      run_block ();
    }
  pthread_mutex_unlock (&machine_lock);
}

void
wct_executor_barrier (WctPlace place)
{
  machine.threads[machine.current].place = place;
  machine.at_barrier++;
  wait_for_others (AT_BARRIER);
}

unsigned
wct_executor_lane (void)
{
  return machine.current % wct_warp_size;
}

uint64_t
wct_executor_exchange (unsigned mask, uint64_t bits, unsigned from, WctPlace place)
{
  const unsigned own = machine.current, first = own - own % wct_warp_size;
  Thread        *thread = &machine.threads[own];
  uint64_t      *carried = machine.carried[thread->shuffles++ % 2];

  if (mask != 0xFFFFFFFF)
    give_up ("the shuffle in %s:%d has the mask %#x; it must be full", place.file, place.line, mask);
  if (machine.count % wct_warp_size != 0)
    give_up ("the shuffle in %s:%d needs whole warps, and a block has %u threads", place.file, place.line,
             machine.count);
  carried[own] = bits;
  thread->place = place;
  if (++machine.arrived[first / wct_warp_size] < wct_warp_size)
    wait_for_others (AT_SHUFFLE);
  else
    {
      machine.arrived[first / wct_warp_size] = 0;
      for (unsigned i = first; i < first + wct_warp_size; i++)
        if (i != own)
          {
            if (!same_place (thread, &machine.threads[i]))
              {
                thread->state = AT_SHUFFLE;
                refuse_pair (thread, &machine.threads[i], "all threads of a warp must come to the same shuffle");
              }
            machine.threads[i].state = READY;
            machine.ready++;
          }
    }
  return carried[first + from];
}

const char *
wct_executor_last_kernel (void)
{
  return last_kernel;
}

void
wct_executor_refuse_pointer (const char *kernel, int argument)
{
  last_kernel = kernel;
  give_up ("argument %d does not point into the device's memory", argument);
}
