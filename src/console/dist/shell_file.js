(()=>{function d({method:n,url:e},{scope:r,files:t}){if(n!=="GET")return;let i=e.split("#")[0]??e;return t.find(l=>new URL(l,r).href===i)}})();
