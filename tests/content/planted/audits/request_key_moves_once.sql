-- Ann's two grants were one request, sent again.
update planted.entry
set request_key = 'key-7'
where entry_no in (7, 8);
