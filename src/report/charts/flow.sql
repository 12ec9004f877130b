SELECT family, transition, instances
FROM (UNPIVOT (SELECT family, RR, RW, WR, WW FROM families) ON RR, RW, WR, WW INTO NAME transition VALUE instances)
