/* A library that is no plugin. */
int plugin_of_others(void);
int plugin_of_others(void)
{
    return 0;
}
