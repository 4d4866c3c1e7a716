-- Live people in the order of their ids; page on with the last id as after_id.
--
-- after_id   bigint  only ids above this, 0..9223372036854775807; 0 for the first page
-- page_size  bigint  rows at most, 1..1000
-- returns    User    0..page_size rows
SELECT
    id, telegram_user_id, username, first_name, last_name, language_code, created_at, updated_at, deleted_at
FROM users
WHERE id > :'after_id'
  AND deleted_at IS NULL
ORDER BY id
LIMIT :'page_size';
