/* What every fallible call returns, and the one sentence that goes with a failure. */
#ifndef WCT_STATUS_H
#define WCT_STATUS_H

/* Around the declarations of each header, for C++. */
/* clang-format off */
#ifdef __cplusplus
#  define WCT_BEGIN_C extern "C" {
#  define WCT_END_C }
#else
#  define WCT_BEGIN_C
#  define WCT_END_C
#endif
/* clang-format on */

#if defined __GNUC__ && !defined WCT_STATIC
#  define WCT_API __attribute__ ((visibility ("default")))
#else
#  define WCT_API
#endif

#if defined __GNUC__
#  define WCT_PRINTF(format_index, first) __attribute__ ((format (printf, format_index, first)))
#else
#  define WCT_PRINTF(format_index, first)
#endif

WCT_BEGIN_C

typedef enum
{
  WCT_OK = 0,
  WCT_ERR_ARGUMENT,    /* a value, size or combination that cannot be used */
  WCT_ERR_NO_MEMORY,   /* an allocation failed, or a size does not fit in size_t */
  WCT_ERR_IO,          /* a file could not be opened, read or written */
  WCT_ERR_FORMAT,      /* a file's content is not what it must be */
  WCT_ERR_UNSUPPORTED, /* well-formed, but this build, back end or model cannot do it */
  WCT_ERR_DEVICE,      /* a back end or its library failed */
  WCT_ERR_NUMERIC,     /* numbers that are not finite */
  WCT_CANCELED         /* the cancel hook said so: not an error, nothing was written */
} WctStatus;

#define WCT_MESSAGE_SIZE 512

/* On the caller's stack: no allocation, no locks. A failing call fills it; where a WctError pointer is a
 * parameter it may be NULL, and on failure all out-parameters are left untouched. */
typedef struct
{
  WctStatus status;
  char      message[WCT_MESSAGE_SIZE]; /* UTF-8, one sentence: what, where, what to do; no newline */
} WctError;

/**
 * wct_error_set: fill @err and return @status, so that a failing function can end with it.
 * @err: may be NULL
 * @format: printf format of the sentence; longer text than fits is cut at a character's boundary
 */
WCT_API WctStatus wct_error_set (WctError *err, WctStatus status, const char *format, ...) WCT_PRINTF (3, 4);

/* For functions with a `status` and a label `out:` that frees what there is: sets the one, and leaves for the other
 * where
 * @call fails. The one macro that hides control flow. */
#define WCT_TRY(call)       \
  do                        \
    {                       \
      status = (call);      \
      if (status != WCT_OK) \
        goto out;           \
    }                       \
  while (0)

/* The name of a status in words ("no memory"), never NULL, static. */
WCT_API const char *wct_status_name (WctStatus status);

WCT_END_C

#endif
