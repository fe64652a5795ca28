#include "daemon/core/statistics.h"

const int64_t histogram_bounds_us[HISTOGRAM_BOUNDS] = {
    100,     500,     1000,     5000,     10000,     50000,      100000,     500000,
    1000000, 5000000, 10000000, 60000000, 300000000, 1800000000, 3600000000, 21600000000,
};

void histogram_add(struct histogram *histogram, int64_t duration_us)
{
    unsigned bucket = 0;
    if (duration_us < 0)
        duration_us = 0;
    while (bucket < HISTOGRAM_BOUNDS && duration_us > histogram_bounds_us[bucket])
        bucket++;
    histogram->buckets[bucket]++;
    histogram->sum_us += (uint64_t)duration_us;
}

uint64_t histogram_count(const struct histogram *histogram)
{
    uint64_t count = 0;
    for (unsigned i = 0; i <= HISTOGRAM_BOUNDS; i++)
        count += histogram->buckets[i];
    return count;
}
