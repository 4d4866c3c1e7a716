-- What several calls of get_or_create ask for, where the chat is stored as given: one statement that writes nothing.
--
-- Each place in the lists is a call. What has no row here is settled by get_or_create, on its own: a chat that is new,
-- changed, deleted, blocked or another one by now.
--
-- bot_ids                  bigint[]  Telegram's id of the bot; 0 for the terminal
-- telegram_chat_ids        bigint[]  Telegram's id of the chat
-- business_connection_ids  text[]    the business connection; '' outside of one
-- types                    text[]    Telegram's word: private, group, supergroup, channel
-- titles                   text[]    '' for none
-- returns                  Chat      0.. rows and n, the call's place in the lists from 1 on
SELECT
    c.id, c.bot_id, c.telegram_chat_id, c.business_connection_id, c.type, c.title, c.created_at, c.updated_at,
    c.blocked_at, c.deleted_at, given.n
FROM unnest(
    :'bot_ids'::bigint[], :'telegram_chat_ids'::bigint[], :'business_connection_ids'::text[], :'types'::text[],
    :'titles'::text[]
) WITH ORDINALITY AS given (bot_id, telegram_chat_id, business_connection_id, type, title, n)
INNER JOIN chats AS c
    ON c.bot_id = given.bot_id
    AND c.telegram_chat_id = given.telegram_chat_id
    AND c.business_connection_id = given.business_connection_id
WHERE c.deleted_at IS NULL
  AND c.blocked_at IS NULL
  AND (c.type, c.title) IS NOT DISTINCT FROM (given.type, NULLIF(given.title, ''));
