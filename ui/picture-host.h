/* A host made of picture files: for the demo, and for tests of the dialog. */
#ifndef WCT_UI_PICTURE_HOST_H
#define WCT_UI_PICTURE_HOST_H

#include "host.h"

typedef struct
{
  WctHost     host;
  GPtrArray  *paths;    /* the content, then the styles; a source's id is its index */
  WctPicture *content;  /* all of it; replaced where a result goes in place */
  char       *output;   /* where results are written; NULL: nowhere */
  int         finished; /* results so far */
  WctSettings made;     /* what the last was made with */
  double      progress; /* told last */
} WctPictureHost;

/* @paths: one or more files, the content first; borrowed */
WctStatus wct_picture_host_open (WctPictureHost *host, int count, char **paths, const char *output, WctError *err);
void      wct_picture_host_close (WctPictureHost *host);

#endif
