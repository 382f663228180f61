-- title:  Two cards give to each other
-- @values one uuid, two uuid
-- @setup
select gift.open(:one, 100);
select gift.open(:two, 100);
-- @session first
-- @call transfer
select gift.transfer(:one, :two, 30);
-- @session second
-- @call transfer
select gift.transfer(:two, :one, 50);
