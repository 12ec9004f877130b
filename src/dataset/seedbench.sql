-- SEED-Bench: the original JSON, whose images are files named by data_id, or the hub's Parquet, which holds them. The names of the
-- question types stand in the original alone ({"Scene Understanding": 1, …}); they have been renumbered once, so none are known here.
SELECT row,
       question_id AS id,
       data_id AS image_id,
       coalesce(list_filter(map_entries(TRY_CAST(TRY_CAST(question_type AS JSON) AS MAP(VARCHAR, VARCHAR))),
                            lambda entry: entry.value = question_type_id)[1].key,
                question_type_id) AS category,
       question,
       [choice.text FOR choice IN choices] AS options,
       [choice.letter FOR choice IN choices] AS labels,
       answer AS answer_letter,
       coalesce(image, [data_id]) AS images,
       image_bytes,
       CASE WHEN data_type <> 'image' THEN 'a question on a ' || data_type || ', not on an image' END AS skip
FROM (SELECT *,
             list_filter([{'letter': 'A', 'text': choice_a}, {'letter': 'B', 'text': choice_b}, {'letter': 'C', 'text': choice_c},
                          {'letter': 'D', 'text': choice_d}],
                         lambda choice: choice.text <> '') AS choices
      FROM source)
