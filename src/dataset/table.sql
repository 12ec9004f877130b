-- The user's own table. Options are the filled cells of the columns A … Z, which keep their letters, or the list `options`, lettered
-- by position; with neither, the answer is yes or no. What the answer may be is settled row by row (row.c).
SELECT row,
       id,
       image_id,
       category,
       hint,
       question,
       coalesce(options, CASE WHEN len(cells) > 0 THEN [cell.text FOR cell IN cells] END) AS options,
       CASE WHEN options IS NULL THEN [cell.letter FOR cell IN cells] END AS labels,
       answer,
       answer_letter,
       answer_index,
       answer_text,
       image AS images,
       image_bytes
FROM (SELECT *,
             list_filter([{'letter': 'A', 'text': A}, {'letter': 'B', 'text': B}, {'letter': 'C', 'text': C}, {'letter': 'D', 'text': D},
                          {'letter': 'E', 'text': E}, {'letter': 'F', 'text': F}, {'letter': 'G', 'text': G}, {'letter': 'H', 'text': H},
                          {'letter': 'I', 'text': I}, {'letter': 'J', 'text': J}, {'letter': 'K', 'text': K}, {'letter': 'L', 'text': L},
                          {'letter': 'M', 'text': M}, {'letter': 'N', 'text': N}, {'letter': 'O', 'text': O}, {'letter': 'P', 'text': P},
                          {'letter': 'Q', 'text': Q}, {'letter': 'R', 'text': R}, {'letter': 'S', 'text': S}, {'letter': 'T', 'text': T},
                          {'letter': 'U', 'text': U}, {'letter': 'V', 'text': V}, {'letter': 'W', 'text': W}, {'letter': 'X', 'text': X},
                          {'letter': 'Y', 'text': Y}, {'letter': 'Z', 'text': Z}],
                         lambda cell: cell.text <> '') AS cells
      FROM source)
