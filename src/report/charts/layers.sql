WITH placed AS (
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
