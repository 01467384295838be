var t=typeof trustedTypes>"u"?void 0:trustedTypes.createPolicy("e2eg",{createScriptURL:e=>e});function s(e){let r=new URL(e,document.baseURI).href;return t?.createScriptURL(r)??r}export{s as a};
