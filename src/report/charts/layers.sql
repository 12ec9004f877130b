WITH listed AS (
  -- Families and pools; that of all variants only where it is not that of the core ones.
  SELECT p.family, min(p.place) AS place
  FROM pools p JOIN variant v USING (variant)
  GROUP BY p.family
  HAVING p.family <> 'any (all)' OR NOT bool_and(v.core)
), placed AS (
  SELECT place, family, channel, questions, percent, hidden_percent,
         CASE part WHEN 'llm' THEN 'language model' ELSE part END AS part,
         row_number() OVER (PARTITION BY family
                            ORDER BY list_position(['encoder', 'projector', 'llm', 'final norm'], part), layer) AS depth
  FROM layers JOIN listed USING (family)
  QUALIFY bool_or(layer IS NOT NULL) OVER ()
)
SELECT family, part, depth, channel, questions, percent, hidden_percent, dense_rank() OVER (ORDER BY place) AS panel
FROM placed WHERE hidden_percent IS NOT NULL
ORDER BY place, depth
