-- What several calls of get_or_create ask for, where the person is stored as given: one statement that writes nothing.
--
-- Each place in the lists is a call. What has no row here is settled by get_or_create, on its own: a person that is
-- new, changed or deleted.
--
-- telegram_user_ids  bigint[]  Telegram's id of the person
-- usernames          text[]    without the @; '' for none
-- first_names        text[]
-- last_names         text[]    '' for none
-- language_codes     text[]    IETF tag as Telegram sends it; '' for none
-- returns            User      0.. rows and n, the call's place in the lists from 1 on
SELECT
    u.id, u.telegram_user_id, u.username, u.first_name, u.last_name, u.language_code, u.created_at, u.updated_at,
    u.deleted_at, given.n
FROM unnest(
    :'telegram_user_ids'::bigint[], :'usernames'::text[], :'first_names'::text[], :'last_names'::text[],
    :'language_codes'::text[]
) WITH ORDINALITY AS given (telegram_user_id, username, first_name, last_name, language_code, n)
INNER JOIN users AS u ON u.telegram_user_id = given.telegram_user_id
WHERE u.deleted_at IS NULL
  AND (u.username, u.first_name, u.last_name, u.language_code) IS NOT DISTINCT FROM
  (NULLIF(given.username, ''), given.first_name, NULLIF(given.last_name, ''), NULLIF(given.language_code, ''));
