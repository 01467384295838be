(()=>{var e={version:"52e29343800cdbea",files:["assets/main-5884a1435df927a4.css","assets/main-c4d339ccc2ef4bb5.js","./"]};var s=e;addEventListener("install",()=>s.files);})();
