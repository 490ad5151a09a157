/* A module that needs a library. */
int needed_function (void);
int some_function (void);

int
some_function (void)
{
  return needed_function ();
}
