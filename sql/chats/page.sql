-- Live chats in the order of their ids; page on with the last id as after_id.
--
-- after_id   bigint  only ids above this, 0..9223372036854775807; 0 for the first page
-- page_size  bigint  rows at most, 1..1000
-- returns    Chat    0..page_size rows
SELECT
    id, bot_id, telegram_chat_id, business_connection_id, type, title, created_at, updated_at, blocked_at, deleted_at
FROM chats
WHERE id > :'after_id'
  AND deleted_at IS NULL
ORDER BY id
LIMIT :'page_size';
