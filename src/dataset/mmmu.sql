-- MMMU on the hub: one file a subject, or all merged. The published accuracy is by subject, which stands in the id alone
-- (validation_Accounting_17). The test split's answers are "?".
SELECT row,
       id,
       coalesce(nullif(regexp_extract(id, '^[a-z]+_(.+)_[0-9]+$', 1), ''), subfield) AS category,
       question,
       options,
       answer AS answer_letter,
       flatten(list_filter([image_1, image_2, image_3, image_4, image_5, image_6, image_7], lambda x: x IS NOT NULL)) AS images,
       flatten(list_filter([image_1_bytes, image_2_bytes, image_3_bytes, image_4_bytes, image_5_bytes, image_6_bytes, image_7_bytes],
                           lambda x: x IS NOT NULL)) AS image_bytes,
       CASE WHEN question_type = 'open' THEN 'an open question'
            WHEN answer = '?' THEN 'its answer is not published' END AS skip
FROM source
