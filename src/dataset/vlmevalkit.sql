-- VLMEvalKit's tables. An image of 64 characters or fewer is the index of the row that has it. Options are the filled cells of the
-- columns A … Z; with none of them the answer is Yes or No, or the question is an open one. MMMU's open questions have two options
-- that nobody wrote, and are known by their type.
--
-- POPE's category is a list ("adversarial,popular,random") of the splits the question is in: it is an item of each, as in POPE's own
-- files.
SELECT row,
       concat_ws('/', split, index) AS id,
       coalesce(split, category) AS category,
       hint,
       question,
       CASE WHEN len(cells) > 0 THEN [cell.text FOR cell IN cells] END AS options,
       CASE WHEN len(cells) > 0 THEN [cell.letter FOR cell IN cells] END AS labels,
       CASE WHEN len(cells) = 0 THEN answer END AS answer,
       CASE WHEN len(cells) > 0 THEN answer END AS answer_letter,
       CASE WHEN image_of IS NULL THEN coalesce(image, image_path) END AS images,
       CASE WHEN image IS NOT NULL THEN image_bytes ELSE image_path_bytes END AS image_bytes,
       index AS image_key,
       image_of,
       CASE WHEN question_type = 'open' OR (len(cells) = 0 AND lower(answer) NOT IN ('yes', 'no')) THEN 'an open question'
            WHEN answer IS NULL THEN 'its answer is not published' END AS skip
FROM (SELECT *,
             unnest(CASE WHEN regexp_full_match(category, '(adversarial|popular|random)(,\s*(adversarial|popular|random))*')
                         THEN string_split_regex(category, ',\s*') ELSE [NULL] END) AS split,
             CASE WHEN len(image) = 1 AND len(image[1]) <= 64 AND left(image[1], 1) <> '[' THEN image[1] END AS image_of,
             list_filter([{'letter': 'A', 'text': A}, {'letter': 'B', 'text': B}, {'letter': 'C', 'text': C}, {'letter': 'D', 'text': D},
                          {'letter': 'E', 'text': E}, {'letter': 'F', 'text': F}, {'letter': 'G', 'text': G}, {'letter': 'H', 'text': H},
                          {'letter': 'I', 'text': I}, {'letter': 'J', 'text': J}, {'letter': 'K', 'text': K}, {'letter': 'L', 'text': L},
                          {'letter': 'M', 'text': M}, {'letter': 'N', 'text': N}, {'letter': 'O', 'text': O}, {'letter': 'P', 'text': P},
                          {'letter': 'Q', 'text': Q}, {'letter': 'R', 'text': R}, {'letter': 'S', 'text': S}, {'letter': 'T', 'text': T},
                          {'letter': 'U', 'text': U}, {'letter': 'V', 'text': V}, {'letter': 'W', 'text': W}, {'letter': 'X', 'text': X},
                          {'letter': 'Y', 'text': Y}, {'letter': 'Z', 'text': Z}],
                         lambda cell: cell.text <> '') AS cells
      FROM source)
