WITH listed AS (
  -- Families and pools; that of all variants only where it is not that of the core ones.
  SELECT p.family, min(p.place) AS place
  FROM pools p JOIN variant v USING (variant)
  GROUP BY p.family
  HAVING p.family <> 'any (all)' OR NOT bool_and(v.core)
), changed AS (
  SELECT l.place, l.family,
         CASE WHEN n.RR THEN 'R→R' WHEN n.RW THEN 'R→W' WHEN n.WR THEN 'W→R' WHEN n.WW THEN 'W→W' ELSE 'unjudged' END AS transition
  FROM instances n JOIN pools p USING (variant) JOIN listed l ON l.family = p.family
), counted AS (
  SELECT place, family, transition, count(*) AS instances FROM changed GROUP BY place, family, transition
)
SELECT family, transition, instances, instances / sum(instances) OVER (PARTITION BY family) AS share
FROM counted
ORDER BY place, transition
